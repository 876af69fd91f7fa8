{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        pre_hook=[
            "{{ mark_hours_begun() }}",
            "{{ note_touched_sessions('gap') }}",
            "{{ delete_touched_sessions('gap') }}",
        ],
        post_hook=["{{ forget_touched_sessions('gap') }}", "{{ mark_hours_done() }}"],
    )
}}

{{ session_rows('gap') }}
