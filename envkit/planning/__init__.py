"""Request x Snapshot x matrix -> Plan -> Recipe. Nothing here touches the machine; only templates are read."""
