{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        pre_hook=[
            "{{ mark_hours_begun() }}",
            "{{ note_touched_sessions('tracker') }}",
            "{{ delete_touched_sessions('tracker') }}",
        ],
        post_hook=["{{ forget_touched_sessions('tracker') }}", "{{ mark_hours_done() }}"],
    )
}}

{{ session_rows('tracker') }}
