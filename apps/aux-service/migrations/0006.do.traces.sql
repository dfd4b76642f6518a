-- The trace of the event that a delivery tells of (W3C traceparent).
alter table webhook_delivery add column traceparent text;
