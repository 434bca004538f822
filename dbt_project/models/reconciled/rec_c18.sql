{#-
  Facts, the day on which their codes are looked up, the codes they carry, and what marks their records as in use. `is_posted`: the
  fact is a document or posting; budgets may still stand on a code that was blocked or has expired. A ledger balance restates
  the journal lines below it: beside them it adds no amount at risk.
-#}
{%- set all_kinds = ['legal_entity', 'account', 'cost_center', 'project', 'supplier'] %}
{%- set not_dropped = "fact.line_status not in ('draft', 'rejected', 'cancelled')" %}
{%- set facts = [
    {'object': 'budget_line', 'dated': 'period.starts_on', 'kinds': all_kinds[:4], 'is_posted': false,
     'in_use': "fact.version_status not in ('draft', 'rejected')", 'amount': 'fact.amount_group'},
    {'object': 'requisition_line', 'dated': 'fact.requested_on', 'kinds': all_kinds, 'is_posted': true,
     'in_use': not_dropped, 'amount': 'fact.amount_group'},
    {'object': 'purchase_order_line', 'dated': 'fact.order_date', 'kinds': all_kinds, 'is_posted': true,
     'in_use': not_dropped, 'amount': 'fact.amount_group'},
    {'object': 'receipt_line', 'dated': 'fact.posting_date', 'kinds': ['legal_entity', 'supplier'], 'is_posted': true,
     'in_use': not_dropped, 'amount': 'null'},
    {'object': 'invoice_line', 'dated': 'fact.posting_date', 'kinds': all_kinds, 'is_posted': true,
     'in_use': not_dropped, 'amount': 'fact.amount_group'},
    {'object': 'journal_line', 'dated': 'fact.posting_date', 'kinds': all_kinds, 'is_posted': true,
     'in_use': 'true', 'amount': 'fact.amount_group'},
    {'object': 'ledger_balance', 'dated': 'fact.balance_date', 'kinds': all_kinds[:4], 'is_posted': true,
     'in_use': 'true', 'amount': 'null' if is_fed('journal_line') else 'fact.amount_group'},
] %}

-- 1. members that are worth a look: not known, blocked, or valid in some time only
with members as (

    select 'legal_entity' as kind, 'UNMAPPED' as member_id, false as is_blocked,
        cast(null as date) as valid_from, cast(null as date) as valid_to
    {%- for kind in all_kinds[1:] %}

    union all

    select '{{ kind }}' as kind, {{ kind }}_id as member_id, is_blocked, valid_from, valid_to
    from {{ ref('dim_' ~ kind) }}
    where {{ kind }}_id = 'UNMAPPED' or is_blocked or valid_from is not null or valid_to is not null
    {%- endfor %}

),

closed_periods as (

    select distinct status.legal_entity_id, period.fiscal_period_id
    from {{ source('reference', 'period_status') }} as status
    inner join {{ ref('dim_legal_entity') }} as entity on entity.legal_entity_id = status.legal_entity_id
    inner join {{ ref('dim_fiscal_period') }} as period
        on period.calendar_id = entity.calendar_id
        and period.fiscal_year = status.fiscal_year
        and period.period_no = status.period_no
    where status.status not in ('open', 'future')

),

-- 2. their use in facts, per code and day, where something is wrong with it
flagged_uses as (
    {%- for fact in facts %}
    {%- for kind in fact.kinds %}
    {%- set code = 'entity_code' if kind == 'legal_entity' else kind ~ '_code' %}

    select
        '{{ kind }}' as kind,
        {{ fact.is_posted }} as is_posted,
        fact.source_system,
        fact.{{ code }} as source_code,
        members.member_id,
        fact.legal_entity_id,
        fact.fiscal_period_id,
        {{ fact.dated }} as dated_on,
        count(*) as row_count,
        sum(abs(cast({{ fact.amount }} as numeric(28,4)))) as amount_group
    from {{ ref('fct_' ~ fact.object) }} as fact
    inner join members on members.kind = '{{ kind }}' and members.member_id = fact.{{ kind }}_id
    {%- if fact.object == 'budget_line' %}
    left join {{ ref('dim_fiscal_period') }} as period on period.fiscal_period_id = fact.fiscal_period_id
    {%- endif %}
    where not fact.is_deleted
        and {{ fact.in_use }}
        and fact.{{ code }} is not null
        and (
            members.member_id = 'UNMAPPED'
            {%- if fact.is_posted %}
            or members.is_blocked
            or {{ fact.dated }} < members.valid_from
            or {{ fact.dated }} > members.valid_to
            {%- endif %}
        )
    group by 1, 2, 3, 4, 5, 6, 7, 8
    {%- if not loop.last %}

    union all
    {%- endif %}
    {%- endfor %}
    {%- if not loop.last %}

    union all
    {%- endif %}
    {%- endfor %}

),

uses as (

    select
        flagged_uses.*,
        flagged_uses.member_id = 'UNMAPPED' and not coalesce(code_map.is_ambiguous, false) as is_unmapped,
        flagged_uses.member_id = 'UNMAPPED' and coalesce(code_map.is_ambiguous, false) as is_ambiguous,
        flagged_uses.is_posted and members.is_blocked and closed_periods.fiscal_period_id is null as is_blocked,
        flagged_uses.is_posted and coalesce(
            flagged_uses.dated_on < members.valid_from or flagged_uses.dated_on > members.valid_to, false
        ) as is_expired
    from flagged_uses
    inner join members on members.kind = flagged_uses.kind and members.member_id = flagged_uses.member_id
    left join {{ ref('int_code_map') }} as code_map
        on flagged_uses.member_id = 'UNMAPPED'
        and code_map.kind = flagged_uses.kind
        and code_map.system = flagged_uses.source_system
        and code_map.source_code = flagged_uses.source_code
        and code_map.valid_from <= flagged_uses.dated_on
        and code_map.valid_to >= flagged_uses.dated_on
    left join closed_periods
        on closed_periods.legal_entity_id = flagged_uses.legal_entity_id
        and closed_periods.fiscal_period_id = flagged_uses.fiscal_period_id

),

-- 3. one row per code and fault, over all facts
faults as (
    {%- for reason, fault, aspect in [
        ('unmapped_code', 'is_unmapped', 'unmapped'), ('ambiguous_code', 'is_ambiguous', 'ambiguous'),
        ('blocked_code', 'is_blocked', 'blocked'), ('expired_code', 'is_expired', 'expired'),
    ] %}

    select
        '{{ reason }}' as reason_code,
        '{{ aspect }}' as aspect,
        kind,
        source_system,
        source_code,
        min(member_id collate "C") as member_id,
        sum(row_count) as row_count,
        sum(amount_group) as amount_group,
        min(dated_on) as first_on,
        max(dated_on) as last_on
    from uses
    where {{ fault }}
    group by kind, source_system, source_code
    {%- if not loop.last %}

    union all
    {%- endif %}
    {%- endfor %}

),

-- 4. records whose date lies in no period of their entity's calendar
undated as (
    {%- for fact in facts %}

    select
        '{{ fact.object }}' as object,
        fact.source_system,
        fact.record_key,
        fact.legal_entity_id,
        {% if fact.object == 'budget_line' %}fact.budget_date{% else %}{{ fact.dated }}{% endif %} as dated_on,
        {% if fact.amount == 'null' %}cast(null as numeric(18,4)){% else %}{{ fact.amount }}{% endif %} as amount_group
    from {{ ref('fct_' ~ fact.object) }} as fact
    where not fact.is_deleted
        and {{ fact.in_use }}
        and fact.fiscal_period_id = 'UNMAPPED'
        and fact.legal_entity_id <> 'UNMAPPED'
    {%- if not loop.last %}

    union all
    {%- endif %}
    {%- endfor %}

),

compared as (

    select
        'ALL' as legal_entity_id,
        'ALL' as fiscal_period_id,
        reason_code,
        false as is_equal,
        aspect,
        kind || '|' || source_system || '|' || source_code as business_key,
        source_system as left_system,
        'finance_sync' as right_system,
        source_code as left_value,
        member_id as right_value,
        cast(null as numeric(28,4)) as amount_group,
        cast(amount_group as numeric(28,4)) as amount_in_use,
        case when kind = 'supplier' then member_id end as supplier_id,
        case when kind = 'account' then member_id end as account_id,
        case when kind = 'cost_center' then member_id end as cost_center_id,
        first_on as document_date,
        'Code ' || source_code || ' (' || replace(kind, '_', ' ') || ') of ' || source_system || ' '
        || case aspect
            when 'unmapped' then 'has no canonical counterpart'
            when 'ambiguous' then 'has more than one crosswalk row on the day'
            when 'blocked' then 'is blocked'
            else 'is used outside its validity'
        end
        || ': ' || cast(row_count as varchar) || ' records from ' || {{ words('first_on', 'no day') }} || ' to '
        || {{ words('last_on', 'no day') }} || '.' as message
    from faults

    union all

    select
        legal_entity_id,
        'UNMAPPED' as fiscal_period_id,
        'date_outside_calendar' as reason_code,
        false as is_equal,
        'calendar' as aspect,
        object || '|' || record_key as business_key,
        source_system as left_system,
        'finance_sync' as right_system,
        cast(dated_on as varchar) as left_value,
        null as right_value,
        null as amount_group,
        abs(amount_group) as amount_in_use,
        null as supplier_id,
        null as account_id,
        null as cost_center_id,
        dated_on as document_date,
        'Record ' || record_key || ' (' || replace(object, '_', ' ') || ') is dated ' || {{ words('dated_on', 'no day') }}
        || ', which lies in no period of its entity''s calendar.' as message
    from undated

    union all

    -- members and crosswalk targets that codes can come to, counted as compared
    select
        'ALL' as legal_entity_id,
        'ALL' as fiscal_period_id,
        null as reason_code,
        true as is_equal,
        kind as aspect,
        null as business_key,
        null as left_system,
        null as right_system,
        null as left_value,
        null as right_value,
        null as amount_group,
        null as amount_in_use,
        null as supplier_id,
        null as account_id,
        null as cost_center_id,
        null as document_date,
        null as message
    from (
        select distinct system, kind, source_code from {{ ref('int_code_map') }} where not is_ambiguous
    ) as known_codes

    union all

    select
        'ALL' as legal_entity_id,
        'ALL' as fiscal_period_id,
        reason_code,
        is_equal,
        aspect,
        business_key,
        left_system,
        right_system,
        left_value,
        right_value,
        null as amount_group,
        amount_in_use,
        supplier_id,
        null as account_id,
        null as cost_center_id,
        null as document_date,
        message
    from {{ ref('int_supplier_finding') }}

),

shaped as (

    select
        legal_entity_id,
        fiscal_period_id,
        reason_code,
        is_equal,
        aspect,
        business_key,
        left_system,
        right_system,
        left_value,
        right_value,
        cast(null as numeric(28,4)) as left_amount,
        cast(null as numeric(28,4)) as right_amount,
        cast(null as numeric(28,4)) as difference_amount,
        cast(null as varchar) as currency_code,
        cast(null as numeric(28,4)) as amount_functional,
        amount_in_use as amount_group,
        cast(null as numeric(28,4)) as quantity_difference,
        supplier_id,
        account_id,
        cost_center_id,
        cast(null as varchar) as cell_id,
        document_date,
        message
    from compared

),

final as (

    {{ control_result('C18', 'shaped') }}

)

{{ cast_to_contract('final') }}
