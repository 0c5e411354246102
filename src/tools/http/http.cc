namespace squid_mesh {}
