// The job engine, which the page's functions use.
#pragma once

#include <squid_mesh/jobs.hpp>
