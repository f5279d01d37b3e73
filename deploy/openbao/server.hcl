# One node that unseals itself with a key file. Not initialised here: `mandate install` does it,
# spends the root token at once, and keeps the installer's.
storage "raft" {
  path                   = "/openbao/file"
  node_id                = "mandate"
  performance_multiplier = 1
}

listener "tcp" {
  address         = "0.0.0.0:8200"
  cluster_address = "127.0.0.1:8201"
  # Inside the private network of compose. Elsewhere: tls_cert_file and tls_key_file.
  tls_disable     = true
}

api_addr     = "http://openbao:8200"
cluster_addr = "https://127.0.0.1:8201"
log_level    = "warn"

seal "static" {
  current_key_id = "1"
  current_key    = "file:///run/secrets/openbao_seal_key"
}
