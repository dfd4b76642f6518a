-- Where the provider sends the buyer back to after 3-D Secure; it goes with the address when a person is erased.
alter table orders add column return_url text;
