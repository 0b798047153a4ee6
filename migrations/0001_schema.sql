-- +goose Up

CREATE SCHEMA IF NOT EXISTS proffer;
COMMENT ON SCHEMA proffer IS 'What analysts read: rows projected from the log. Dropping it loses nothing: "proffer rebuild" makes it again.';
COMMENT ON TABLE proffer.schema_versions IS 'Which migrations have been applied.';
COMMENT ON COLUMN proffer.schema_versions.id IS 'Running number.';
COMMENT ON COLUMN proffer.schema_versions.version_id IS 'The migration''s number.';
COMMENT ON COLUMN proffer.schema_versions.is_applied IS 'Whether it was applied (or taken back).';
COMMENT ON COLUMN proffer.schema_versions.tstamp IS 'When.';

-- The role may exist already (roles belong to the cluster), and a managed database may not let us create one: then an
-- administrator creates it. What it may read is granted at each start.
-- +goose StatementBegin
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'proffer_analyst') THEN
        CREATE ROLE proffer_analyst NOLOGIN;
    END IF;
    -- Only when nobody has set anything: an administrator's settings stand.
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'proffer_analyst' AND rolconfig IS NULL) THEN
        ALTER ROLE proffer_analyst SET statement_timeout = '60s';
        ALTER ROLE proffer_analyst SET default_transaction_read_only = on;
        ALTER ROLE proffer_analyst SET search_path = proffer;
    END IF;
EXCEPTION WHEN insufficient_privilege THEN
    RAISE NOTICE 'the role proffer_analyst cannot be created or changed by this user';
END
$$;
-- +goose StatementEnd

-- +goose Down
ALTER DEFAULT PRIVILEGES IN SCHEMA proffer REVOKE SELECT ON TABLES FROM proffer_analyst;
REVOKE ALL ON SCHEMA proffer FROM proffer_analyst;
