-- The numbers of gaffer's processes. A number is never drawn twice; gaps are allowed.
create sequence gaffer_pids as bigint minvalue 1 maxvalue 9999999999 start 1;
