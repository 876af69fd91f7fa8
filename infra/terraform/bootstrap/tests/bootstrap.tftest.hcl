variables {
  region     = "us-east-1"
  account_id = "123456789012"
}

run "each_environment_gets_the_text_of_its_backend" {
  command = apply

  assert {
    condition     = toset(keys(output.backend_hcl)) == toset(["dev", "staging", "prod"])
    error_message = "There is a text for each environment."
  }

  assert {
    condition     = output.backend_hcl["prod"] == "bucket     = \"clickstream-state-123456789012\"\nkey        = \"clickstream-prod/terraform.tfstate\"\nregion     = \"us-east-1\"\nkms_key_id = \"${module.state.key_arn}\"\n"
    error_message = "The text names bucket, state, region and key."
  }
}
