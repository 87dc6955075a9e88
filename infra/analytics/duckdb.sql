-- The rollups of a store as three tables, for DuckDB: duckdb -init duckdb.sql, then .read peak-by-pool.sql
-- For a bucket: INSTALL httpfs; LOAD httpfs; CREATE SECRET (TYPE s3, PROVIDER credential_chain);
-- and s3://bucket/prefix in place of ./nodetally-data.
CREATE OR REPLACE TEMPORARY VIEW nodes AS
FROM read_parquet('./nodetally-data/rollups/kind=nodes/*/*/part-0.parquet',
    hive_partitioning = true, hive_types = {'cluster': VARCHAR, 'date': DATE, 'kind': VARCHAR});
CREATE OR REPLACE TEMPORARY VIEW clusters AS
FROM read_parquet('./nodetally-data/rollups/kind=clusters/*/*/part-0.parquet',
    hive_partitioning = true, hive_types = {'cluster': VARCHAR, 'date': DATE, 'kind': VARCHAR});
CREATE OR REPLACE TEMPORARY VIEW namespaces AS
FROM read_parquet('./nodetally-data/rollups/kind=namespaces/*/*/part-0.parquet',
    hive_partitioning = true, hive_types = {'cluster': VARCHAR, 'date': DATE, 'kind': VARCHAR});
