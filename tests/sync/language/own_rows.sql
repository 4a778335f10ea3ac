CREATE TABLE notes (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, about text NOT NULL, body text NOT NULL, pinned boolean NOT NULL DEFAULT false);
CREATE TABLE points (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), note bigint NOT NULL REFERENCES notes (id), point text NOT NULL);
