-- The hours of the facts with their rows, files and bytes, from the table's metadata.
-- Rendered by `python -m analytics.rendering`: change what renders it.
--
-- Cost: metadata alone is read, and no data file.
SELECT partition.year, partition.month, partition.day, partition.hour,
       record_count, file_count, total_size
FROM clickstream."fact_clicks$partitions"
ORDER BY partition.year, partition.month, partition.day, partition.hour
