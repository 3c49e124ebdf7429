"""Functions that generated SQL may call, as data: what is not listed here is refused.

Functions that sqlglot knows as typed expressions are allowed unless denied below; those it does
not know must be on the allow-list. Table functions have their own, short list.
"""

from __future__ import annotations

_ALLOWED = """
abs acos add_months age any_value approx_count_distinct approx_quantile approx_top_k arg_max
arg_max_null arg_min arg_min_null array_agg array_append array_cat array_concat array_contains
array_distinct array_extract array_has array_has_all array_has_any array_intersect array_join
array_length array_position array_prepend array_reverse array_reverse_sort array_size array_slice
array_sort array_sum array_to_string array_unique array_value ascii asin atan atan2 avg
bar bin bit_and bit_count bit_length bit_or bit_xor bitstring_agg bool_and bool_or booland_agg
boolor_agg btrim cardinality cbrt ceil ceiling century char_length character_length charindex chr
coalesce concat concat_ws contains contains_substr corr cos cot count count_if countif covar_pop
covar_samp create_sort_key cume_dist damerau_levenshtein date date_add date_diff date_from_parts
date_part date_sub date_trunc dateadd datediff datepart datesub datetime datetime_add
datetime_diff datetime_sub datetime_trunc datetrunc day dayname dayofmonth dayofweek
dayofweekiso dayofyear decade decode degrees dense_rank div div0 div0null editdist3
editdistance element_at encode ends_with endswith entropy epoch epoch_ms epoch_ns epoch_us
equal_null era even exp extract factorial favg filter first first_value flatten floor fmod format
format_date format_datetime format_timestamp from_base64 from_hex from_json from_unixtime fsum
gamma gcd geomean geometric_mean get_bit greatest greatest_common_divisor group_concat grouping
grouping_id hamming hash hex histogram hour iff if ifnull initcap instr isfinite isinf isnan isnull
isodow isoyear jaccard jaro_similarity jaro_winkler_similarity json_array json_array_length
json_contains json_exists json_extract json_extract_array json_extract_path json_extract_path_text
json_extract_scalar json_extract_string json_group_array json_group_object json_keys json_object
json_query json_query_array json_structure json_transform json_type json_valid json_value
julian kahan_sum kurtosis kurtosis_pop lag last last_day last_value lcase lcm lead least
least_common_multiple left left_grapheme len length levenshtein lgamma list list_aggregate
list_any_value list_append list_apply list_avg list_concat list_contains list_count list_distinct
list_element list_extract list_filter list_first list_has list_last list_max list_mean list_median
list_min list_position list_reduce list_resize list_reverse list_reverse_sort list_slice list_sort
list_sum list_transform list_unique list_value list_zip listagg ln log log10 log2 lower lpad ltrim
mad make_date make_interval make_time make_timestamp map map_concat map_contains map_entries
map_extract map_from_entries map_keys map_values max max_by md5 mean median microsecond millennium
millisecond min min_by minute mod mode month monthname months_between multiply nanosecond next_day
nextafter nfc_normalize ntile nth_value nullif nullifzero num_nulls nvl nvl2 object_construct
ord parse_json parse_numeric parse_timestamp percent_rank percentile_cont percentile_disc pi
position pow power prefix previous_day printf product quantile quantile_cont quantile_disc
quarter radians rank ratio_to_report regexp_contains regexp_count regexp_extract
regexp_extract_all regexp_full_match regexp_instr regexp_like regexp_matches regexp_replace
regexp_split_to_array regexp_substr regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope
repeat replace reservoir_quantile reverse right right_grapheme round round_even roundbankers
row row_number row_to_json rpad rtrim safe_add safe_cast safe_divide safe_multiply
safe_negate safe_subtract second sem sha1 sha2 sha256 sha512 sign signbit sin skewness split
split_part sqrt square starts_with startswith stddev stddev_pop stddev_samp str_split
str_split_regex strftime string_agg string_split string_split_regex string_to_array strip_accents
strlen strpos strptime struct_extract struct_insert struct_pack subtract substr substring suffix sum
sumkahan tan time_bucket time_diff time_trunc timediff timestamp_add timestamp_diff
timestamp_from_parts timestamp_micros timestamp_millis timestamp_seconds timestamp_sub
timestamp_trunc timestampadd timestampdiff timezone timezone_hour timezone_minute to_base64
to_binary to_boolean to_char to_date to_days to_decades to_double to_hex to_hours to_json
to_json_string to_microseconds to_milliseconds to_minutes to_months to_number to_quarters to_seconds
to_time to_timestamp to_timestamp_ltz to_timestamp_ntz to_timestamp_tz to_varchar to_weeks to_years
transform translate trim trunc truncate try_cast try_parse_json try_strptime try_to_boolean
try_to_date try_to_decimal try_to_double try_to_number try_to_timestamp typeof ucase unbin unhex
unicode unix_date unix_timestamp upper var_pop var_samp variance vector_type week weekday weekofyear
weekiso width_bucket xor year yearofweek yearofweekiso yearweek zeroifnull
now today current_date current_timestamp current_localtime current_localtimestamp localtimestamp
getdate get_current_time get_current_timestamp transaction_timestamp sysdate generate_surrogate_key
range generate_series unnest generate_date_array generate_timestamp_array array_generate_range
sequence explode
"""

ALLOWED_FUNCTIONS = frozenset(_ALLOWED.split())

# By the names of sqlglot's expression classes: they read files, the session or the server.
DENIED_TYPED = frozenset(
    {
        "ReadCSV", "ReadParquet", "CurrentUser", "SessionUser", "CurrentRole", "CurrentDatabase",
        "CurrentCatalog", "CurrentSchema", "CurrentSchemas", "CurrentVersion", "CurrentAccount",
        "CurrentAccountName", "CurrentAvailableRoles", "CurrentClient", "CurrentIpAddress",
        "CurrentOrganizationName", "CurrentOrganizationUser", "CurrentRegion",
        "CurrentRoleType", "CurrentSecondaryRoles", "CurrentSession", "CurrentStatement",
        "CurrentTransaction", "CurrentUserType", "CurrentWarehouse", "Predict", "OpenJSON",
        "XMLTable", "MLForecast", "MLTranslate", "GenerateText", "GenerateTable",
        "GenerateEmbedding", "GenerateBool", "GenerateDouble", "GenerateInt", "VectorSearch",
        "FeaturesAtTime", "AIAgg", "AIClassify", "AISummarizeAgg", "NextValueFor",
        "Hostname", "HostAddress", "NetHost", "JSONTable", "Host", "LoadFile",
    }
)  # fmt: skip

ALLOWED_TABLE_FUNCTIONS = frozenset(
    {
        "range", "generate_series", "unnest", "flatten", "explode", "posexplode",
        "generate_date_array", "generate_timestamp_array", "generate_array", "split_to_table",
        "json_each", "jsonb_array_elements", "jsonb_array_elements_text",
        "json_array_elements", "json_array_elements_text", "regexp_split_to_table",
        "string_split_to_table", "sequence",
    }
)  # fmt: skip

ALLOWED_TABLE_CLASSES = frozenset(
    {
        "GenerateSeries", "ExplodingGenerateSeries", "Unnest", "Explode", "ExplodeOuter",
        "Posexplode", "PosexplodeOuter", "GenerateDateArray", "GenerateTimestampArray", "Inline",
    }
)  # fmt: skip
