// What the page's statements are given.
#pragma once

#include <squid_mesh/squid_mesh.hpp>

extern squid_mesh::mesh& mesh;
extern const squid_mesh::declaration checkout;
extern const squid_mesh::declaration checkout_of_last_month;
