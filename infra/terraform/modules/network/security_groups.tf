resource "aws_security_group" "task" {
  #checkov:skip=CKV2_AWS_5:Other modules attach it to tasks and functions
  name        = "${var.name}-task"
  description = "What runs in the network: it calls the endpoints, and nobody calls it."
  vpc_id      = aws_vpc.this.id
}

resource "aws_security_group" "endpoint" {
  name        = "${var.name}-endpoint"
  description = "The interface endpoints: called by what runs in the network, over TLS."
  vpc_id      = aws_vpc.this.id
}

resource "aws_vpc_security_group_ingress_rule" "endpoint" {
  security_group_id            = aws_security_group.endpoint.id
  description                  = "TLS from what runs in the network"
  referenced_security_group_id = aws_security_group.task.id
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
}

resource "aws_vpc_security_group_egress_rule" "interface" {
  security_group_id            = aws_security_group.task.id
  description                  = "TLS to the interface endpoints"
  referenced_security_group_id = aws_security_group.endpoint.id
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
}

resource "aws_vpc_security_group_egress_rule" "gateway" {
  for_each = aws_vpc_endpoint.gateway

  security_group_id = aws_security_group.task.id
  description       = "TLS to ${each.key}"
  prefix_list_id    = each.value.prefix_list_id
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}
