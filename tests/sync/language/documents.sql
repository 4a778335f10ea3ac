CREATE TABLE people (handle text PRIMARY KEY, attrs jsonb, prefs jsonb NOT NULL DEFAULT '{"theme": "dark", "price": 1.5}', plain json);
