-- Under which id an operation was done anew, so that who retries it again is shown that one.
alter table payment_operation add column replaced_by uuid,
  add check (replaced_by is null or status = 'replaced');
