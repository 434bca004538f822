"""Scenarios of the commitment sub-ledger: documents, and the movements and balances that a controller would book.

Expected movements are texts: day, kind of commitment (only ``pre``), type, amount in the line's currency, then where it matters ``@``
cost center and ``/`` functional amount (``-`` none). Days are of 2024 unless the year stands with them. An order line is 10 units for
100.00 EUR, issued on 10 January, unless it says otherwise; entity R relieves at the receipt, I at the invoice, V at the invoice and
revalues at period ends, C carries open balances forward, L lets them lapse.

Belongs here: what is expected. Does not: how it is run (test_scenarios) or landed (kit).
"""

from __future__ import annotations

from datetime import date

from tests.unit.subledger.kit import DELETED, D, Scenario, invoice, order, receipt, requisition

S = Scenario
OBLIGATED = "01-10 obligate 100"

RESERVE = [
    S("reserved", "an approved requisition line is reserved", [requisition()], ["01-08 pre reserve 100"], D(100)),
    S("req_draft", "a draft reserves nothing", [requisition(status="draft")], []),
    S("req_refused", "refused before approval", [requisition(status="rejected", approved_on=None)], []),
    S("req_partly", "an order line takes its own amount", [requisition(), order("60", "6", of_requisition=True)],
      ["01-08 pre reserve 100", "01-10 pre relieve -60", "01-10 obligate 60"], D(100)),
    S("req_over", "an order above the requisition takes what is left", [requisition(), order("130", of_requisition=True)],
      ["01-08 pre reserve 100", "01-10 pre relieve -100", "01-10 obligate 130"], D(130)),
    S("req_ordered", "ordered in full: nothing is left to come", [requisition(status="ordered"), order("90", of_requisition=True)],
      ["01-08 pre reserve 100", "01-10 pre relieve -90", "01-10 pre release -10", "01-10 obligate 90"], D(90)),
    S("req_ordered_unseen", "said to be ordered, and no order is there", [requisition(status="ordered")], ["01-08 pre reserve 100"], D(100)),
    S("req_closed", "closed without an order", [requisition(status="closed", closed_on=date(2024, 3, 5))],
      ["01-08 pre reserve 100", "03-05 pre release -100"]),
    S("req_changed", "an approved change of the amount", [requisition(then=[("02-01", {"amount_txn": D(120)})])],
      ["01-08 pre reserve 100", "02-01 pre adjust 20"], D(120)),
    S("req_order_refused", "the order came to nothing: reserved again on that day",
      [requisition(), order(status="pending", of_requisition=True, then=[("02-05", {"line_status": "rejected"})])],
      ["01-08 pre reserve 100", "01-10 pre relieve -100", "02-05 pre reinstate 100"], D(100)),
    S("req_order_cut", "the order made of it gets smaller",
      [requisition(), order(of_requisition=True, then=[("02-05", {"quantity": D(7), "amount_net_txn": D(70)})])],
      ["01-08 pre reserve 100", "01-10 pre relieve -100", "02-05 pre reinstate 30", OBLIGATED, "02-05 adjust -30"], D(100)),
    S("req_early_order", "an order dated before the approval of its requisition", [requisition(on="01-12"), order(of_requisition=True)],
      ["01-12 pre reserve 100", "01-12 pre relieve -100", OBLIGATED], D(100)),
]  # fmt: skip

OBLIGATE = [
    S("with_tax", "net and non-recoverable tax", [order(tax="7")], ["01-10 obligate 107"], D(107)),
    S("pending", "not approved", [order(status="pending")], []),
    S("approved_later", "obligated on the day of approval, not of the order",
      [order(status="pending", then=[("02-03", {"line_status": "issued", "approved_on": date(2024, 2, 2)})])], ["02-02 obligate 100"], D(100)),
    S("approved_undated", "approved without saying when: on the day of the change",
      [order(status="draft", then=[("02-03", {"line_status": "issued"})])], ["02-03 obligate 100"], D(100)),
    S("undated", "in force when first seen, approved no day: on the order date", [order(approved_on=None)], [OBLIGATED], D(100)),
    S("older_than_the_year", "a purchase order older than the budget year does not vanish", [order(on="2023-11-10"), receipt("02-05", "4")],
      ["2023-11-10 obligate 100", "02-05 relieve -40"], D(60)),
    S("no_rate", "no rate, no functional amount; the line is there", [order(on="2023-11-10", currency_code="USD"), receipt("02-05", "4")],
      ["2023-11-10 obligate 100 / -", "02-05 relieve -40 / -"], D(60)),
    S("foreign", "at the rate of the order's day, from begin to end",
      [order(currency_code="USD", q="3"), receipt("02-05", "1"), receipt("03-05", "2")],
      ["01-10 obligate 100 / 90", "02-05 relieve -33.33 / -29.997", "03-05 relieve -66.67 / -60.003"]),
    S("two_lines", "lines do not touch each other", [order(), order("50", "5"), receipt("02-05", "5", line=2)],
      [OBLIGATED, "01-10 obligate 50", "02-05 relieve -50"], D(100)),
]  # fmt: skip

ADJUST = [
    S("more", "a larger quantity", [order(then=[("02-05", {"quantity": D(12), "amount_net_txn": D(120)})])], [OBLIGATED, "02-05 adjust 20"], D(120)),
    S("price_after_part", "a price change after a partial receipt: what is left at the new price",
      [order(then=[("02-05", {"amount_net_txn": D(120)})]), receipt("02-01", "4")], [OBLIGATED, "02-01 relieve -40", "02-05 adjust 12"], D(72)),
    S("cut_below", "a quantity below what came leaves nothing, and nothing negative",
      [order(then=[("02-05", {"quantity": D(4), "amount_net_txn": D(40)})]), receipt("02-01", "6")], [OBLIGATED, "02-01 relieve -60", "02-05 adjust -40"]),
    S("cut_above", "a quantity still above what came",
      [order(then=[("02-05", {"quantity": D(8), "amount_net_txn": D(80)})]), receipt("02-01", "6")],
      [OBLIGATED, "02-01 relieve -60", "02-05 adjust -20"], D(20)),
    S("cut_and_raised", "cut below what came, then raised above it",
      [order(then=[("02-05", {"quantity": D(4), "amount_net_txn": D(40)}), ("03-01", {"quantity": D(10), "amount_net_txn": D(100)})]), receipt("02-01", "6")],
      [OBLIGATED, "02-01 relieve -60", "02-05 adjust -40", "03-01 adjust 40"], D(40)),
    S("cut_to_nothing", "a line cut to no quantity at all", [order(then=[("02-05", {"quantity": D(0), "amount_net_txn": D(0)})]), receipt("02-01", "4")],
      [OBLIGATED, "02-01 relieve -40", "02-05 adjust -60"]),
    S("tax_change", "only the tax changes", [order(tax="10", then=[("02-05", {"amount_tax_txn": D(20)})])], ["01-10 obligate 110", "02-05 adjust 10"], D(120)),
    S("nothing_changed", "a version in which nothing of this changes", [order(then=[("02-05", {"due_on": date(2024, 6, 1)})])], [OBLIGATED], D(100)),
    S("recoded", "re-coded in a later period: off the old coding, onto the new, and later relief there",
      [order(then=[("03-05", {"cost_center_code": "K2"})]), receipt("02-01", "4"), receipt("03-10", "1")],
      ["01-10 obligate 100 @K1", "02-01 relieve -40 @K1", "03-05 adjust -60 @K1", "03-05 adjust 60 @K2", "03-10 relieve -10 @K2"], D(50)),
    S("recoded_and_dearer", "re-coded and changed at once",
      [order(then=[("03-05", {"cost_center_code": "K2", "amount_net_txn": D(200)})]), receipt("02-01", "4")],
      ["01-10 obligate 100 @K1", "02-01 relieve -40 @K1", "03-05 adjust -60 @K1", "03-05 adjust 120 @K2"], D(120)),
    S("recoded_complete", "nothing is open: nothing moves", [order(then=[("03-05", {"cost_center_code": "K2"})]), receipt("02-01", "10")],
      [OBLIGATED, "02-01 relieve -100"]),
    S("other_currency", "the currency of a line corrected: off in the old, on in the new",
      [order(then=[("02-05", {"currency_code": "USD"})])], [OBLIGATED, "02-05 adjust -100 / -100", "02-05 adjust 100 / 90"], D(100)),
    S("changed_twice_a_day", "two versions on one day: both are booked, the later holds",
      [order(then=[("02-05", {"amount_net_txn": D(120)}), ("02-06", {"amount_net_txn": D(90), "changed_at": "2024-02-05 23:00:00"})])],
      [OBLIGATED, "02-05 adjust 20", "02-05 adjust -30"], D(90)),
]  # fmt: skip

RELIEVE = [
    S("at_order_price", "at the order's price, not the invoice's", [order(entity="I"), invoice("02-05", "5", "70")], [OBLIGATED, "02-05 relieve -50"], D(50)),
    S("tax_pro_rata", "tax goes down with the line", [order(q="2", tax="10", entity="I"), invoice("02-05", "1", "70")],
      ["01-10 obligate 110", "02-05 relieve -55"], D(55)),
    S("in_full", "invoiced in full is actual only, not commitment too", [order(entity="I"), invoice("02-05", "10", "100")], [OBLIGATED, "02-05 relieve -100"]),
    S("invoice_is_not_receipt", "relief at the receipt: invoices do nothing", [order(), invoice("02-01", "10", "100"), receipt("02-10", "4")],
      [OBLIGATED, "02-10 relieve -40"], D(60)),
    S("receipt_is_not_invoice", "relief at the invoice: receipts do nothing", [order(entity="I"), receipt("02-01", "10"), invoice("02-10", "4", "40")],
      [OBLIGATED, "02-10 relieve -40"], D(60)),
    S("over_receipt", "101 of 100: one unit is no commitment; its return brings nothing back, a further one does",
      [order("1000", "100"), receipt("02-01", "101"), receipt("02-02", "-1"), receipt("02-03", "-1")],
      ["01-10 obligate 1000", "02-01 relieve -1000", "02-03 reinstate 10"], D(10)),
    S("thirds", "rounding falls to the last", [order(q="3"), receipt("02-01", "1"), receipt("02-02", "1"), receipt("02-03", "1")],
      [OBLIGATED, "02-01 relieve -33.33", "02-02 relieve -33.34", "02-03 relieve -33.33"]),
    S("partial_and_final", "partial invoices and a final one", [order(entity="I"), invoice("02-01", "3", "30"), invoice("02-02", "3", "31"), invoice("02-03", "4", "39")],
      [OBLIGATED, "02-01 relieve -30", "02-02 relieve -30", "02-03 relieve -40"]),
    S("limit", "an amount line: its net amount, tax with it, never below nothing",
      [order("100", None, tax="20", entity="I"), invoice("02-01", None, "80"), invoice("02-02", None, "50")],
      ["01-10 obligate 120", "02-01 relieve -96", "02-02 relieve -24"]),
    S("limit_at_receipt", "an amount line received by amount", [order("100", None), receipt("02-01", None, amount_txn=D(30))],
      [OBLIGATED, "02-01 relieve -30"], D(70)),
    S("limit_other_currency", "invoiced in another currency: by its value in the order's", [order("100", None, entity="I"), invoice("01-20", None, "50", currency_code="USD")],
      [OBLIGATED, "01-20 relieve -45"], D(55)),
    S("no_quantity", "an invoice line without quantity is its share of the line", [order(q="4", entity="I"), invoice("02-05", None, "25")],
      [OBLIGATED, "02-05 relieve -25"], D(75)),
    S("worth_nothing", "a line without price: its quantity comes", [order("0"), receipt("02-01", "4"), receipt("02-02", "6")],
      ["01-10 obligate 0", "02-01 relieve 0", "02-02 relieve 0"]),
    S("negative", "a negative line is never positive", [order("-100", "-3"), receipt("02-01", "-1"), receipt("02-02", "-5")],
      ["01-10 obligate -100", "02-01 relieve 33.33", "02-02 relieve 66.67"]),
    S("yen", "a currency without decimals", [order(q="3", currency_code="JPY"), *(receipt(f"02-0{n}", "1") for n in (1, 2, 3))],
      [OBLIGATED, "02-01 relieve -33", "02-02 relieve -34", "02-03 relieve -33"]),
    S("dinar", "a currency with three decimals", [order("1", "3", currency_code="KWD"), *(receipt(f"02-0{n}", "1") for n in (1, 2, 3))],
      ["01-10 obligate 1", "02-01 relieve -0.333", "02-02 relieve -0.334", "02-03 relieve -0.333"]),
    S("finer", "an order with more decimals than its currency", [order("100.001", "3"), receipt("02-01", "1")],
      ["01-10 obligate 100.001", "02-01 relieve -33.3337"], D("66.6673")),
    S("before_approval", "invoiced before the order was approved: when it is", [order(entity="I"), invoice("01-05", "4", "40")],
      [OBLIGATED, "01-10 relieve -40"], D(60)),
    S("year_of_receipt", "received in one fiscal year, invoiced in the next: relief in the first", [order(), receipt("2024-12-20", "10"), invoice("2025-01-10", "10", "100")],
      [OBLIGATED, "2024-12-20 relieve -100"]),
    S("year_of_invoice", "the same where the invoice relieves: in the second", [order(entity="I"), receipt("2024-12-20", "10"), invoice("2025-01-10", "10", "100")],
      [OBLIGATED, "2025-01-10 relieve -100"]),
    S("approved_invoice_only", "a pending invoice does nothing", [order(entity="I"), invoice("02-05", "4", "40", line_status="pending")], [OBLIGATED], D(100)),
    S("invoice_approved_later", "the posting date decides, not the day of approval",
      [order(entity="I"), invoice("02-05", "4", "40", line_status="pending", then=[("02-20", {"line_status": "approved"})])],
      [OBLIGATED, "02-05 relieve -40"], D(60)),
    S("come_late", "a receipt that lands weeks later relieves on its posting date", [order(), receipt("02-05", "4", landed="03-20")],
      [OBLIGATED, "02-05 relieve -40"], D(60)),
]  # fmt: skip

REINSTATE = [
    S("returned", "a return", [order(), receipt("02-01", "5"), receipt("03-01", "-2")], [OBLIGATED, "02-01 relieve -50", "03-01 reinstate 20"], D(70)),
    S("receipt_cancelled", "undone on the day of the cancellation; what was relieved then stays so",
      [order(), receipt("02-05", "5", then=[("03-03", {"line_status": "cancelled"})])], [OBLIGATED, "02-05 relieve -50", "03-03 reinstate 50"], D(100)),
    S("invoice_cancelled", "the same of an invoice", [order(entity="I"), invoice("02-05", "5", "50", then=[("03-03", {"line_status": "cancelled"})])],
      [OBLIGATED, "02-05 relieve -50", "03-03 reinstate 50"], D(100)),
    S("receipt_deleted", "gone at the source", [order(), receipt("02-05", "5", then=[("03-03", DELETED)])],
      [OBLIGATED, "02-05 relieve -50", "03-03 reinstate 50"], D(100)),
    S("approved_again", "cancelled, and approved again", [order(entity="I"), invoice("02-05", "5", "50", then=[("03-03", {"line_status": "cancelled"}), ("04-02", {"line_status": "approved"})])],
      [OBLIGATED, "02-05 relieve -50", "03-03 reinstate 50", "04-02 relieve -50"], D(50)),
    S("over_cancelled", "of an over-receipt only what was ordered comes back", [order(), receipt("02-05", "12", then=[("03-03", {"line_status": "cancelled"})])],
      [OBLIGATED, "02-05 relieve -100", "03-03 reinstate 100"], D(100)),
    S("credited", "a credit memo on an open order", [order(entity="I"), invoice("02-05", "10", "100"), invoice("03-01", "-4", "-40")],
      [OBLIGATED, "02-05 relieve -100", "03-01 reinstate 40"], D(40)),
    S("credited_after_close", "a credit memo after the close brings nothing back",
      [order(entity="I", status="closed", closed_on=date(2024, 2, 20)), invoice("02-05", "5", "50"), invoice("03-01", "-5", "-50")],
      [OBLIGATED, "02-05 relieve -50", "02-20 release -50"]),
    S("cancelled_after_close", "nor does a cancelled invoice", [
        order(entity="I", status="closed", closed_on=date(2024, 2, 20)), invoice("02-05", "5", "50", then=[("03-03", {"line_status": "cancelled"})])],
      [OBLIGATED, "02-05 relieve -50", "02-20 release -50"]),
    S("returned_after_invoice", "a return after the full invoice, relief at the receipt", [order(), receipt("02-01", "10"), invoice("02-10", "10", "100"), receipt("03-01", "-3")],
      [OBLIGATED, "02-01 relieve -100", "03-01 reinstate 30"], D(30)),
    S("returned_invoice_relieves", "the same, relief at the invoice: only a credit memo would", [order(entity="I"), receipt("02-01", "10"), invoice("02-10", "10", "100"), receipt("03-01", "-3")],
      [OBLIGATED, "02-10 relieve -100"]),
    S("corrected", "a smaller quantity on the same invoice", [order(entity="I"), invoice("02-05", "5", "50", then=[("03-03", {"quantity": D(4)})])],
      [OBLIGATED, "02-05 relieve -50", "03-03 reinstate 10"], D(60)),
    S("posted_on_another_day", "the posting date moved on: undone when it was changed, relieved on the new day",
      [order(), receipt("02-05", "5", then=[("02-10", {"posting_date": date(2024, 3, 1)})])],
      [OBLIGATED, "02-05 relieve -50", "02-10 reinstate 50", "03-01 relieve -50"], D(50)),
    S("on_another_line", "a receipt booked on the wrong line, then on the right one",
      [order(), order("50", "5"), receipt("02-05", "5", then=[("02-20", {"order_line_no": 2})])],
      [OBLIGATED, "01-10 obligate 50", "02-05 relieve -50", "02-20 reinstate 50", "02-20 relieve -50"], D(100)),
]  # fmt: skip

RELEASE = [
    S("closed", "short-closed: what remains", [order(status="closed", closed_on=date(2024, 2, 20)), receipt("02-05", "4")],
      [OBLIGATED, "02-05 relieve -40", "02-20 release -60"]),
    S("closed_complete", "nothing remains, nothing is released", [order(status="closed", closed_on=date(2024, 2, 20)), receipt("02-05", "10")],
      [OBLIGATED, "02-05 relieve -100"]),
    S("closed_undated", "closed no day: with the last that came", [order(status="closed"), receipt("02-05", "4")], [OBLIGATED, "02-05 relieve -40", "02-05 release -60"]),
    S("cancelled", "cancelled after approval", [order(status="cancelled", closed_on=date(2024, 1, 20))], [OBLIGATED, "01-20 release -100"]),
    S("never_approved", "cancelled before approval", [order(status="cancelled", approved_on=None, closed_on=date(2024, 1, 20))], []),
    S("cancelled_later", "cancelled by a later version, no day stated: the day of the change", [order(then=[("02-10", {"line_status": "cancelled"})]), receipt("02-05", "4")],
      [OBLIGATED, "02-05 relieve -40", "02-10 release -60"]),
    S("closed_later", "closed by a later version that says when", [order(then=[("02-10", {"line_status": "closed", "closed_on": date(2024, 2, 8)})])],
      [OBLIGATED, "02-08 release -100"]),
    S("after_close", "what comes after the end relieves nothing", [order(status="closed", closed_on=date(2024, 2, 20)), receipt("03-05", "4")], [OBLIGATED, "02-20 release -100"]),
    S("on_the_last_day", "what comes on the day of the close still does", [order(status="closed", closed_on=date(2024, 2, 20)), receipt("02-20", "4")],
      [OBLIGATED, "02-20 relieve -40", "02-20 release -60"]),
    S("reopened", "opened again: what is left is obligated again",
      [order(then=[("02-10", {"line_status": "closed"}), ("03-01", {"line_status": "issued"})]), receipt("02-05", "4")],
      [OBLIGATED, "02-05 relieve -40", "02-10 release -60", "03-01 obligate 60"], D(60)),
    S("reopened_after_receipt", "what came while it was closed does not come again",
      [order(then=[("02-10", {"line_status": "closed"}), ("03-01", {"line_status": "issued"})]), receipt("02-20", "3")],
      [OBLIGATED, "02-10 release -100", "03-01 obligate 70"], D(70)),
    S("withdrawn", "approval withdrawn, then given again on a stated day",
      [order(then=[("02-10", {"line_status": "draft"}), ("03-06", {"line_status": "issued", "approved_on": date(2024, 3, 5)})])],
      [OBLIGATED, "02-10 release -100", "03-05 obligate 100"], D(100)),
    S("deleted", "gone at the source", [order(then=[("02-10", DELETED)])], [OBLIGATED, "02-10 release -100"]),
    S("deleted_and_back", "gone and there again", [order(then=[("02-10", DELETED), ("03-01", {"_deleted": False})])],
      [OBLIGATED, "02-10 release -100", "03-01 obligate 100"], D(100)),
]  # fmt: skip

YEAR_END = [
    S("continues", "without a policy the balance goes on over the year's end", [order(on="2024-11-10"), receipt("2025-01-10", "1")],
      ["2024-11-10 obligate 100", "2025-01-10 relieve -10"], D(90)),
    S("carried", "carried out of the old year and into the new, same document", [order(on="2024-11-10", entity="C"), receipt("2024-12-05", "4"), receipt("2025-01-10", "1")],
      ["2024-11-10 obligate 100", "2024-12-05 relieve -40", "2024-12-31 carry_out -60", "2025-01-01 carry_in 60", "2025-01-10 relieve -10"], D(50)),
    S("carried_nothing", "nothing open, nothing carried", [order(entity="C"), receipt("02-05", "10")], [OBLIGATED, "02-05 relieve -100"]),
    S("carried_twice", "over two years' ends", [order(on="2023-11-10", entity="C")],
      ["2023-11-10 obligate 100", "2023-12-31 carry_out -100", "2024-01-01 carry_in 100", "2024-12-31 carry_out -100", "2025-01-01 carry_in 100"], D(100)),
    S("lapsed", "what is left at the year's end lapses, and nothing relieves it later",
      [order(on="2024-11-10", entity="L"), receipt("2024-12-05", "4"), receipt("2025-01-10", "1")],
      ["2024-11-10 obligate 100", "2024-12-05 relieve -40", "2024-12-31 release -60"]),
    S("lapsed_for_good", "a later change does not bring it back",
      [order(on="2024-11-10", entity="L", then=[("2025-01-20", {"quantity": D(20), "amount_net_txn": D(200)})])],
      ["2024-11-10 obligate 100", "2024-12-31 release -100"]),
]  # fmt: skip

REVALUE = [
    S("revalued", "reporting amounts at each period end's rate; relief at the rate in force",
      [order(entity="V", currency_code="USD"), invoice("02-10", "5", "50", currency_code="USD")],
      ["01-10 obligate 100 / 90", "01-31 revalue 0 / 2", "02-10 relieve -50 / -46", "02-29 revalue 0 / 1.5"], D(50)),
    S("revalued_released", "released at the rate in force: nothing is left in any currency",
      [order(entity="V", currency_code="USD", status="closed", closed_on=date(2024, 2, 10))],
      ["01-10 obligate 100 / 90", "01-31 revalue 0 / 2", "02-10 release -100 / -92"]),
    S("own_currency", "nothing to revalue", [order(entity="V")], ["01-10 obligate 100 / 100"], D(100)),
    S("revalued_recoded", "re-coded at the rate in force", [order(entity="V", currency_code="USD", then=[("02-10", {"cost_center_code": "K2"})])],
      ["01-10 obligate 100 / 90 @K1", "01-31 revalue 0 / 2 @K1", "02-10 adjust -100 / -92 @K1", "02-10 adjust 100 / 92 @K2", "02-29 revalue 0 / 3 @K2"], D(100)),
    S("revalued_requisition", "reservations as well", [requisition(entity_code="V", currency_code="USD", on="01-08")],
      ["01-08 pre reserve 100 / 90", "01-31 pre revalue 0 / 2", "02-29 pre revalue 0 / 3"], D(100)),
]  # fmt: skip

# docs/subledger.md tells this one; what is expected stands there.
EXAMPLE = S("worked_example", "the example of the documentation",
    [order(tax="7", then=[
        ("02-20", {"amount_net_txn": D(120), "amount_tax_txn": D("8.40")}), ("03-05", {"cost_center_code": "K2"}),
        ("04-02", {"line_status": "closed", "closed_on": date(2024, 4, 2)})]),
     receipt("02-05", "4"), receipt("03-10", "7"), receipt("03-12", "-2"), invoice("03-20", "9", "999")], [])  # fmt: skip

SCENARIOS = [*RESERVE, *OBLIGATE, *ADJUST, *RELIEVE, *REINSTATE, *RELEASE, *YEAR_END, *REVALUE]
