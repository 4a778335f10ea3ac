CREATE TABLE "Odd ""Table" (
  "handle" text PRIMARY KEY,
  "select" text,
  "Mixed Case" text,
  "dollar$1" text,
  "a'quote" text,
  "semi;--" text,
  url text,
  doc jsonb,
  list text[],
  short varchar(10));
