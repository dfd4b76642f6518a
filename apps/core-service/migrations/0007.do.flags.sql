-- What a replay of the order answers, where its hold was extended since (while payments were switched off); null where it never was.
alter table orders add column first_hold_expires_at timestamptz;

-- The rank's normalisation is told by who asks (flag search.ranking). As before: no other way than by the index of words, 1,000 hits at most.
drop function product_hits(text, text);
create function product_hits(words text, of_category text, normalisation integer) returns table (id uuid, rank float8) language sql stable
  set enable_seqscan = off set enable_indexscan = off
as $$
  select h.id, ts_rank_cd(h.search, websearch_to_tsquery('english', words), normalisation)::float8
  from (select p.id, p.search from product p
    where p.search @@ websearch_to_tsquery('english', words) and p.status = 'active' and (of_category is null or p.category = of_category)
    limit 1000) h
$$;
