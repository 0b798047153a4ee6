-- +goose Up

-- A transaction that an analyst leaves open keeps the tables from being dropped: "proffer rebuild" would wait for as long.
-- +goose StatementBegin
DO $$
BEGIN
    -- An administrator's setting stands.
    IF NOT EXISTS (SELECT FROM pg_roles, unnest(rolconfig) AS setting
            WHERE rolname = 'proffer_analyst' AND setting LIKE 'idle_in_transaction_session_timeout=%') THEN
        ALTER ROLE proffer_analyst SET idle_in_transaction_session_timeout = '60s';
    END IF;
EXCEPTION WHEN insufficient_privilege OR undefined_object THEN
    RAISE NOTICE 'the role proffer_analyst cannot be changed by this user';
END
$$;
-- +goose StatementEnd

-- +goose Down
SELECT;
