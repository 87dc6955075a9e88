-- The rollups of a store as three tables, for Spark: spark-sql -i spark.sql -f peak-by-pool.sql
-- For a bucket: s3a://bucket/prefix in place of ./nodetally-data, with hadoop-aws. The setting keeps a cluster that is
-- called 2026 a name; dates then are texts, as in Athena.
SET spark.sql.sources.partitionColumnTypeInference.enabled = false;
CREATE OR REPLACE TEMPORARY VIEW nodes USING parquet OPTIONS (path './nodetally-data/rollups/kind=nodes');
CREATE OR REPLACE TEMPORARY VIEW clusters USING parquet OPTIONS (path './nodetally-data/rollups/kind=clusters');
CREATE OR REPLACE TEMPORARY VIEW namespaces USING parquet OPTIONS (path './nodetally-data/rollups/kind=namespaces');
