-- What is searched for, by an index of words that also knows category and seller: as lexemes that no text yields, for no word begins with an equals sign. So a
-- search within one of them reads its own hits only. What was written last lies in a list that each search reads: it is kept short.
create index product_findable on product using gin
  ((search || array_to_tsvector(array['=' || category, '=' || seller_id::text]))) with (gin_pending_list_limit = 256) where status = 'active';

-- The same of the words of the name alone: what is called so is found before what only mentions it.
create index product_findable_by_name on product using gin
  ((ts_filter(search, '{a}') || array_to_tsvector(array['=' || category, '=' || seller_id::text]))) with (gin_pending_list_limit = 256) where status = 'active';

-- Dearest or cheapest first, of one currency: prices of two are not comparable.
create index product_by_price on product (currency, price_minor, id) where status = 'active';
create index product_by_price_in_category on product (category, currency, price_minor, id) where status = 'active';

-- The products that have the words (as of a search engine), the category and the seller; where one is null, any. `at_most` of them: a word that a million products have
-- costs no more than the index takes to find it. Which ones, beyond that, is where they lie. No other way than by that index: for words that never come together the planner would
-- read all products instead. Words that say nothing (the, and) find nothing.
-- Beside it stand product_hits and the index product_search, for cores of the release before this one; the next migration may drop both.
create function matching_products(words text, of_category text, of_seller uuid, at_most integer)
  returns table (place tid, id uuid, category text, seller_id uuid, price_minor bigint, currency text, created_at timestamptz, search tsvector)
  language sql stable set enable_seqscan = off set enable_indexscan = off
as $$
  select p.ctid, p.id, p.category, p.seller_id, p.price_minor, p.currency, p.created_at, p.search
  from product p
  where p.status = 'active' and (words is null or numnode(websearch_to_tsquery('english', words)) > 0)
    and p.search || array_to_tsvector(array['=' || p.category, '=' || p.seller_id::text]) @@ case
      when words is null then concat_ws(' & ', '''=' || of_category || '''', '''=' || of_seller || '''')::tsquery
      when of_category is null and of_seller is null then websearch_to_tsquery('english', words)
      else websearch_to_tsquery('english', words) && concat_ws(' & ', '''=' || of_category || '''', '''=' || of_seller || '''')::tsquery end
  limit at_most
$$;

-- Of these, the ones that have the words in their name; `words` is not null. The rest of the text is held against the words too, for what shall be missing: in a form that no index
-- takes, so that the index of names alone is read.
create function products_named(words text, of_category text, of_seller uuid, at_most integer)
  returns table (place tid, id uuid, category text, seller_id uuid, price_minor bigint, currency text, created_at timestamptz, search tsvector)
  language sql stable set enable_seqscan = off set enable_indexscan = off
as $$
  select p.ctid, p.id, p.category, p.seller_id, p.price_minor, p.currency, p.created_at, p.search
  from product p
  where p.status = 'active' and numnode(websearch_to_tsquery('english', words)) > 0
    and (p.search @@ websearch_to_tsquery('english', words)) is not false
    and ts_filter(p.search, '{a}') || array_to_tsvector(array['=' || p.category, '=' || p.seller_id::text]) @@ case
      when of_category is null and of_seller is null then websearch_to_tsquery('english', words)
      else websearch_to_tsquery('english', words) && concat_ws(' & ', '''=' || of_category || '''', '''=' || of_seller || '''')::tsquery end
  limit at_most
$$;
