-- The trace of the request that an operation came of: whoever carries it out, and whenever, goes on with it (W3C traceparent).
alter table payment_operation add column traceparent text;
