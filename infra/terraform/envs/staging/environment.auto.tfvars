name                     = "clickstream-staging"
force_destroy            = true
key_deletion_window_days = 7
monthly_budget_usd       = 800
