-- Grain: one row per budget record, version and batch. The adopted budget is the original version, the amendments are its
-- adjustments; the amended budget is their sum and is compared, not loaded. No period: the year's lines are spread.
with

versions as (
    select d.*, 'ADOPTED' as version_code, 'original' as version_kind, d.adopted as amount
    from {{ landed('budget', 'budget_detail') }} as d
    union all
    select d.*, 'AMENDMENTS' as version_code, 'adjustment' as version_kind, d.amendments as amount
    from {{ landed('budget', 'budget_detail') }} as d
)

select
    fund_code || '|' || operating_unit || '|' || program_id || '|' || account || '|' || version_code as source_key,
    version_code,
    version_kind,
    'approved' as version_status,
    'OKC' as entity_code,
    operating_unit as cost_center_code,
    account as account_code,
    fund_code as segment_1,
    program_id as segment_2,
    line_of_business_id as segment_3,
    2014 as fiscal_year,
    'USD' as currency_code,
    amount as amount_txn,
    _batch_id,
    _batch_seq,
    _deleted
from versions
