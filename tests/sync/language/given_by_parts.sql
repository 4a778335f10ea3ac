CREATE TABLE by_key (id serial PRIMARY KEY, name jsonb NOT NULL, stock text);
CREATE TABLE by_deep_key (id serial PRIMARY KEY, name jsonb NOT NULL);
CREATE TABLE by_two (id serial PRIMARY KEY, name jsonb NOT NULL);
CREATE TABLE by_set (k text PRIMARY KEY, name jsonb NOT NULL);
CREATE TABLE by_new (k text PRIMARY KEY, name jsonb NOT NULL);
CREATE TABLE by_list (k text PRIMARY KEY, name jsonb NOT NULL);
CREATE TABLE by_group (k text PRIMARY KEY, name jsonb NOT NULL, stock text);
CREATE TABLE by_json (id serial PRIMARY KEY, name json NOT NULL);
CREATE TABLE by_text (k text PRIMARY KEY, tags text NOT NULL, list text[] NOT NULL);
