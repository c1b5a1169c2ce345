"""Request x Snapshot x matrix -> Plan -> Recipe. Pure: no room here touches the machine."""
