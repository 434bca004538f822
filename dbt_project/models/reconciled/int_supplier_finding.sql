{{ config(materialized='ephemeral') }}
{#-
  What C18 has to say about suppliers as such: those that seem to be one, and those whose attributes differ between systems.
  most_parties: a key that more suppliers share is a placeholder and says nothing. stake_days: an older invoice is taken for paid.
-#}
{%- set most_parties = 20 %}
{%- set stake_days = 90 %}
{%- set attributes = [
    {'name': 'tax_id', 'key': 'tax_key', 'shown': 'tax_id', 'words': 'tax id'},
    {'name': 'bank_account', 'key': 'bank_fingerprint', 'shown': 'bank_account', 'words': 'bank account (last four signs)'},
    {'name': 'country', 'key': 'country_code', 'shown': 'country_code', 'words': 'country'},
] %}

-- 1. records, and whom a code is taken for today: a canonical supplier, or nobody but itself
with records as (

    select
        record.*,
        code_map.canonical_id is not null as is_mapped,
        coalesce(code_map.canonical_id, record.source_system || '|' || record.supplier_code) as party_id,
        not record.is_deleted
        and not record.is_blocked
        and coalesce(record.valid_from <= {{ as_of() }}, true)
        and coalesce(record.valid_to >= {{ as_of() }}, true) as is_active
    from {{ ref('int_supplier_record') }} as record
    left join {{ ref('int_code_map') }} as code_map
        on code_map.kind = 'supplier'
        and code_map.system = record.source_system
        and code_map.source_code = record.supplier_code
        and code_map.valid_from <= {{ as_of() }}
        and code_map.valid_to >= {{ as_of() }}
        and code_map.canonical_id <> 'UNMAPPED'

),

-- 2. suppliers by the record that describes them best; the system of record decides whether they are active
described as (

    select
        records.*,
        row_number() over (
            partition by party_id
            order by case when supplier_id = party_id then 0 else 1 end, precedence, record_key collate "C"
        ) as place
    from records

),

parties as (

    select party_id, source_system, supplier_code, supplier_name, is_mapped, is_active
    from described
    where place = 1

),

has_tax_id as (

    select party_id from records where tax_key is not null and is_active group by party_id

),

-- 3. what they may share
evidence as (

    select distinct part.kind, part.shared, part.party_id
    from (
        select 'tax_id' as kind, tax_key as shared, party_id from records where is_active
        union all
        select 'bank_account' as kind, bank_fingerprint as shared, party_id from records where is_active
        union all
        select 'name' as kind, name_key as shared, party_id from records where is_active
    ) as part
    inner join parties on parties.party_id = part.party_id
    where part.shared is not null and parties.is_active

),

counted as (

    select kind, shared, party_id, count(*) over (partition by kind, shared) as sharers
    from evidence

),

telling as (

    select kind, shared, party_id from counted where sharers between 2 and {{ most_parties }}

),

pairs as (

    select
        one.party_id as left_party,
        other.party_id as right_party,
        max(case when one.kind = 'tax_id' then 1 else 0 end) as same_tax_id,
        max(case when one.kind = 'bank_account' then 1 else 0 end) as same_bank_account,
        max(case when one.kind = 'name' then 1 else 0 end) as same_name
    from telling as one
    inner join telling as other
        on other.kind = one.kind
        and other.shared = one.shared
        and (one.party_id collate "C") < (other.party_id collate "C")
    group by one.party_id, other.party_id

),

-- 4. two tax ids are two suppliers, whatever else they share
proposed as (

    select pairs.*
    from pairs
    left join has_tax_id as left_tax on left_tax.party_id = pairs.left_party
    left join has_tax_id as right_tax on right_tax.party_id = pairs.right_party
    where pairs.same_tax_id = 1 or left_tax.party_id is null or right_tax.party_id is null

),

-- 5. attributes of one supplier in two systems, where both systems keep the attribute at all
kept as (

    select
        source_system
        {%- for attribute in attributes %},
        count({{ attribute.key }}) > 0 as keeps_{{ attribute.name }}
        {%- endfor %}
    from records
    group by source_system

),

compared_attributes as (
    {%- for attribute in attributes %}

    select
        '{{ attribute.name }}' as aspect,
        '{{ attribute.words }}' as words,
        other.party_id,
        other.source_system,
        other.supplier_code,
        best.source_system as right_system,
        other.{{ attribute.shown }} as left_value,
        best.{{ attribute.shown }} as right_value,
        coalesce(other.{{ attribute.key }}, '') = coalesce(best.{{ attribute.key }}, '') as is_equal
    from records as other
    inner join described as best on best.party_id = other.party_id and best.place = 1
    inner join kept as left_kept on left_kept.source_system = other.source_system
    inner join kept as right_kept on right_kept.source_system = best.source_system
    where other.is_mapped
        and other.is_active
        and best.is_active
        and other.source_system <> best.source_system
        and left_kept.keeps_{{ attribute.name }}
        and right_kept.keeps_{{ attribute.name }}
    {%- if not loop.last %}

    union all
    {%- endif %}
    {%- endfor %}

),

-- 6. what is at stake: orders that are still open, and invoices so young that they may wait for payment
at_stake as (

    select used.party_id, sum(abs(cast(used.amount_group as numeric(28,4)))) as amount_group
    from (
        {%- for fact, condition in [
            ('purchase_order_line', "fact.line_status in ('pending', 'approved', 'issued')"),
            ('invoice_line', "fact.line_status not in ('draft', 'rejected', 'cancelled') and fact.posting_date > "
                ~ add_days(as_of(), -stake_days)),
        ] %}
        select
            case when fact.supplier_id = 'UNMAPPED' then fact.source_system || '|' || fact.supplier_code else fact.supplier_id end
                as party_id,
            fact.amount_group
        from {{ ref('fct_' ~ fact) }} as fact
        where not fact.is_deleted
            and {{ condition }}
            and fact.supplier_code is not null
        {%- if not loop.last %}

        union all
        {%- endif %}
        {%- endfor %}
    ) as used
    where used.party_id in (
        select left_party from proposed
        union
        select right_party from proposed
        union
        select party_id from compared_attributes where not is_equal
    )
    group by used.party_id

)

select
    'supplier_duplicate' as reason_code,
    false as is_equal,
    'identity' as aspect,
    'supplier|' || proposed.left_party || '|' || proposed.right_party as business_key,
    one.source_system as left_system,
    other.source_system as right_system,
    one.supplier_name as left_value,
    other.supplier_name as right_value,
    least(coalesce(left_stake.amount_group, 0), coalesce(right_stake.amount_group, 0)) as amount_in_use,
    case when one.is_mapped then one.party_id when other.is_mapped then other.party_id end as supplier_id,
    'Suppliers ' || one.supplier_code || ' (' || one.supplier_name || ') of ' || one.source_system || ' and '
    || other.supplier_code || ' (' || other.supplier_name || ') of ' || other.source_system || ' have the same '
    || case
        when proposed.same_tax_id = 1 and proposed.same_bank_account = 1 then 'tax id and bank account'
        when proposed.same_tax_id = 1 then 'tax id'
        when proposed.same_bank_account = 1 then 'bank account'
        else 'name'
    end
    || case when proposed.same_name = 1 and proposed.same_tax_id + proposed.same_bank_account > 0 then ', and the same name' else '' end
    || '; no crosswalk row makes them one.' as message
from proposed
inner join parties as one on one.party_id = proposed.left_party
inner join parties as other on other.party_id = proposed.right_party
left join at_stake as left_stake on left_stake.party_id = proposed.left_party
left join at_stake as right_stake on right_stake.party_id = proposed.right_party

union all

select
    case when not compared.is_equal then 'attribute_differs' end as reason_code,
    compared.is_equal,
    compared.aspect,
    'supplier|' || compared.source_system || '|' || compared.supplier_code as business_key,
    compared.source_system as left_system,
    compared.right_system,
    compared.left_value,
    compared.right_value,
    case when not compared.is_equal then coalesce(at_stake.amount_group, 0) end as amount_in_use,
    compared.party_id as supplier_id,
    'Supplier ' || compared.supplier_code || ' of ' || compared.source_system || ' (' || compared.party_id || ') has '
    || compared.words || ' ' || {{ words('compared.left_value', 'none') }} || ' there and '
    || {{ words('compared.right_value', 'none') }} || ' in ' || compared.right_system || '.' as message
from compared_attributes as compared
left join at_stake on at_stake.party_id = compared.party_id

union all

-- suppliers that nothing was found to double
select
    null as reason_code,
    true as is_equal,
    'identity' as aspect,
    null as business_key,
    null as left_system,
    null as right_system,
    null as left_value,
    null as right_value,
    null as amount_in_use,
    null as supplier_id,
    null as message
from parties
where is_active
    and party_id not in (
        select left_party from proposed
        union
        select right_party from proposed
    )
