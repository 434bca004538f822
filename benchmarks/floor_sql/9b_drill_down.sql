-- ---- what the figures of a cell are made of
copy (
    select
        l.legal_entity_id, l.fiscal_period_id, control_cost_center_id, control_account_id,
        cell(l.legal_entity_id, control_cost_center_id, control_account_id, l.project_id, l.segment_1, l.segment_2) as cell_id,
        l.* exclude (legal_entity_id, fiscal_period_id, control_cost_center_id, control_account_id), 'NONE' as segment_3,
        'NONE' as segment_4, 'NONE' as segment_5, 'NONE' as segment_6
    from (
        select
            budget.legal_entity_id, fiscal_period_id, coalesce(cost_center_level.control_code, cost_center_id) as control_cost_center_id,
            coalesce(account_level.control_code, budget.account_id) as control_account_id, cost_center_id, budget.account_id, project_id,
            coalesce(location, 'NONE') as segment_1, coalesce(program, 'NONE') as segment_2, 'planning' as source_system,
            'planning|' || line_id as record_key, record_key || '|' || fiscal_period_id as line_key, version as version_code, version_kind,
            version_status, currency as currency_code, amount_txn, amount_functional, amount_group,
            cast(null as varchar) as reason, 0 as sequence_no
        from budget
        left join account on account.account_id = budget.account_id
        left join level as cost_center_level on cost_center_level.kind = 'cost_center' and cost_center_level.code = cost_center_id
        left join level as account_level on account_level.kind = 'account' and account_level.code = budget.account_id
        where version_status in ('approved', 'locked') and coalesce(account.account_type, 'none') <> 'statistical'
    ) as l order by legal_entity_id, fiscal_period_id, line_key
) to '${target}/mart_budget_line.parquet' (format parquet, compression zstd);

copy (
    select
        l.* exclude (sign, amount_functional, amount_group), 'NONE' as segment_3, 'NONE' as segment_4, 'NONE' as segment_5,
        'NONE' as segment_6, 'journal_line' as actual_source, 'ledger' as source_system,
        cell(legal_entity_id, control_cost_center_id, control_account_id, project_id, segment_1, segment_2) as cell_id,
        sign * amount_functional as amount_functional, sign * amount_group as amount_group
    from (
        select
            posting.legal_entity_id, posting.fiscal_period_id,
            coalesce(cost_center_level.control_code, identity_id(posting.cost_center, cost_center.cost_center_id))
                as control_cost_center_id,
            coalesce(account_level.control_code, chart.account_id) as control_account_id,
            identity_id(posting.cost_center, cost_center.cost_center_id) as cost_center_id, chart.account_id,
            identity_id(posting.project, project.project_id) as project_id, coalesce(posting.location, 'NONE') as segment_1,
            coalesce(posting.program, 'NONE') as segment_2, 'ledger|' || journal_no || '|' || line as record_key, journal_no,
            line as line_no, posting_date,
            case document_type when 'WE' then 'receipt' when 'RE' then 'invoice' when 'KZ' then 'payment' when 'AB' then 'closing'
                when 'DR' then 'billing' when 'DZ' then 'payment' else 'manual' end as source_document_type,
            reference as source_document_no, reference_line as source_document_line_no, po_number as order_no,
            po_line as order_line_no, case when chart.account_type = 'revenue' then -1 else 1 end as sign, amount_functional, amount_group
        from posting
        join (from account where is_budget_controlled or account_id in ('UNMAPPED', 'NONE')) as chart
            on chart.account_id = coalesce((select a.account_id from account as a where a.account_id = posting.account), 'UNMAPPED')
        left join cost_center on cost_center.cost_center_id = posting.cost_center
        left join project on project.project_id = posting.project
        left join level as cost_center_level on cost_center_level.kind = 'cost_center'
            and cost_center_level.code = identity_id(posting.cost_center, cost_center.cost_center_id)
        left join level as account_level on account_level.kind = 'account' and account_level.code = chart.account_id
    ) as l order by legal_entity_id, fiscal_period_id, record_key
) to '${target}/mart_actual_line.parquet' (format parquet, compression zstd);

copy (
    select
        orders.legal_entity_id, c.fiscal_period_id, coalesce(cost_center_level.control_code, c.cost_center_id) as control_cost_center_id,
        coalesce(account_level.control_code, c.account_id) as control_account_id,
        cell(orders.legal_entity_id, coalesce(cost_center_level.control_code, c.cost_center_id),
            coalesce(account_level.control_code, c.account_id), c.project_id, c.segment_1, c.segment_2) as cell_id,
        c.cost_center_id, c.account_id, c.project_id, c.segment_1, c.segment_2, 'NONE' as segment_3, 'NONE' as segment_4,
        'NONE' as segment_5, 'NONE' as segment_6, 'ledger|' || journal_no || '|' || line as record_key,
        orders.record_key as order_record_key, c.kind as document_kind, document_no, is_actual, c.amount_functional
    from order_cost as c
    join orders on orders.rowid = c.order_id
    left join level as cost_center_level on cost_center_level.kind = 'cost_center' and cost_center_level.code = c.cost_center_id
    left join level as account_level on account_level.kind = 'account' and account_level.code = c.account_id
    order by orders.legal_entity_id, c.fiscal_period_id, journal_no, line
) to '${target}/mart_order_cost.parquet' (format parquet, compression zstd);

copy (
    select
        d.kind, d.record_key, legal_entity_id, fiscal_period_id,
        cell_of(legal_entity_id, cost_center_id, account_id, project_id, segment_1, segment_2) as cell_id, currency as currency_code, amount_txn
    from (
        select 'order' as kind, record_key, legal_entity_id, fiscal_period_id, cost_center_id, account_id, project_id, segment_1, segment_2,
            currency, amount_txn
        from orders where amount_functional is null and line_status not in ('draft', 'pending', 'rejected')
        union all
        select 'requisition', 'procurement|' || requisition_no || '|' || line_no, legal_entity_id, fiscal_period_id, cost_center_id, account_id,
            project_id, segment_1, segment_2, currency, amount_txn
        from requisition where amount_functional is null and line_status not in ('draft', 'submitted', 'rejected')
        union all
        select 'budget', 'planning|' || line_id || '|' || fiscal_period_id, legal_entity_id, fiscal_period_id, cost_center_id, account_id,
            project_id, location, program, currency, amount_txn
        from budget where amount_functional is null and version_status in ('approved', 'locked')
    ) as d where legal_entity_id <> 'UNMAPPED'
    order by kind, record_key
) to '${target}/mart_unrated_document.parquet' (format parquet, compression zstd);
