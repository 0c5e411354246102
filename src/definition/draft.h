// A workflow under construction: what `definition` owns, before it is checked.
#pragma once

#include <squid_mesh/definition.hpp>
#include <squid_mesh/detail/rules.hpp>

#include <string>
#include <vector>

namespace squid_mesh::inline v1 {

namespace detail {

/// Its members have the names of those of `declaration`, so that one set of rules checks both.
struct draft {
  std::string name;
  std::string version;
  std::string queue;
  std::vector<definition::trigger> triggers;
  std::vector<definition::step> steps;
  std::vector<definition::transition> transitions;
};

}  // namespace detail

/// The rules find them by the parameter's type, as their counterparts for declarations.
detail::value_kind kind_of_default(const definition::field& f);
detail::value_kind kind_of_operand(const definition::condition_term& term);

}  // namespace squid_mesh::inline v1
