-- What retention finds old imports by. updated_at would be the better time, but an index on it would make each of an import's many updates dearer.
create index product_import_started on product_import (started_at);
