CREATE TABLE contacts (handle text PRIMARY KEY, moved timestamptz, vip boolean, town text);
CREATE TABLE attributes (id uuid PRIMARY KEY, contact text NOT NULL, name text NOT NULL, value text, shown boolean, UNIQUE (contact, name));
