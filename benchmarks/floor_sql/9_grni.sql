-- ---- goods received, not invoiced, and its documents
create temp table open_grni as from grni where coalesce(open_functional, 1) <> 0 or ledger_functional <> 0;

copy (
    select
        order_key, case when po.order_no is not null then 'procurement' end as source_system, po.order_no, po.line_no, record_key,
        po.legal_entity_id, po.supplier_id, supplier_name, cost_center_id, account_id, project_id, po.segment_1, po.segment_2,
        null as segment_3, null as segment_4, null as segment_5, null as segment_6,
        case when record_key is not null then coalesce(cost_center_level.control_code, cost_center_id) end as control_cost_center_id,
        case when record_key is not null then coalesce(account_level.control_code, account_id) end as control_account_id,
        case when record_key is not null then
            cell_of(po.legal_entity_id, cost_center_id, account_id, project_id, po.segment_1, po.segment_2) end as cell_id,
        grni_account as grni_account_id, line_type, open_since, date '${as_of}' - open_since as age_days,
        case when open_since is null then 'none' when age_days <= 30 then '0-30' when age_days <= 60 then '31-60'
            when age_days <= 90 then '61-90' when age_days <= 180 then '91-180' else 'over 180' end as age_band,
        quantity_received, quantity_invoiced, currency as currency_code,
        received_net + coalesce(pro_rata(amount_tax_txn, received_net, amount_net_txn, 4), 0) as received_txn,
        invoiced_net + coalesce(pro_rata(amount_tax_txn, invoiced_net, amount_net_txn, 4), 0) as invoiced_txn,
        open_txn, entity.functional_currency, open_functional, ledger_functional,
        open_functional - ledger_functional as difference_functional, open_group, ledger_group, is_other, date '${as_of}' as as_of
    from open_grni as po
    left join entity on entity.legal_entity_id = po.legal_entity_id
    left join supplier on supplier.supplier_id = po.supplier_id
    left join level as cost_center_level on cost_center_level.kind = 'cost_center' and cost_center_level.code = cost_center_id
    left join level as account_level on account_level.kind = 'account' and account_level.code = account_id
    order by order_key
) to '${target}/mart_grni.parquet' (format parquet, compression zstd);

copy (
    with document as (
        select
            open_line.*, kind, document_no, document_line, document.posting_date, document.quantity as units,
            case when line_type = 'quantity' then at_price(document.quantity, unit_price, amount_net_txn, open_line.quantity)
                else document.amount end as net
        from (
            select order_id, 'receipt' as kind, split_part(document_key, '|', 1) as document_no,
                split_part(document_key, '|', 2)::bigint as document_line, posting_date, quantity, amount_txn as amount
            from receipt where posting_date <= date '${as_of}'
            union all
            select order_id, 'invoice', invoice_no, line_no, posting_date, -quantity, -amount_net_txn
            from invoice where is_approved and posting_date <= date '${as_of}'
        ) as document
        join open_grni as open_line on open_line.order_id = document.order_id
    ), valued as (
        select
            *, 'procurement|' || document_no || '|' || document_line as document_key,
            (net + coalesce(pro_rata(amount_tax_txn, net, amount_net_txn, 4), 0))::decimal(18,4) as txn,
            times(txn, rate_functional) as functional, times(txn, rate_group) as in_group,
            row_number() over (partition by order_key order by posting_date desc, document_key desc) = 1 as is_last
        from document
    )
    select
        order_key, kind, document_key as record_key, 'procurement' as source_system, document_no, document_line as document_line_no,
        legal_entity_id, posting_date, units as quantity, currency as currency_code,
        case when is_last then open_txn - (sum(txn) over line - txn) else txn end as amount_txn,
        case when is_last then open_functional - (sum(functional) over line - functional) else functional end as amount_functional,
        case when is_last then open_group - (sum(in_group) over line - in_group) else in_group end as amount_group
    from valued window line as (partition by order_key)
    union all
    select
        order_key, 'posting', 'ledger|' || journal_no || '|' || line, 'ledger', journal_no, line, posting.legal_entity_id, posting_date,
        null, posting.currency, -posting.amount_txn, -posting.amount_functional, -posting.amount_group
    from posting
    join role_account as role on role.role = 'gr_ir' and role.legal_entity_id = posting.legal_entity_id
        and role.account_id = posting.account and posting_date between role.valid_from and role.valid_to
    join open_grni on open_grni.order_key = coalesce('procurement|' || po_number || '|' || po_line,
        'UNASSIGNED|ledger|' || posting.legal_entity_id || '|' || posting.account)
    where posting_date <= date '${as_of}'
    order by order_key, kind, record_key
) to '${target}/mart_grni_document.parquet' (format parquet, compression zstd);
