name                     = "clickstream-prod"
force_destroy            = false
key_deletion_window_days = 30
monthly_budget_usd       = 2500
