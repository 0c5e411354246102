// The actions that the page leaves out, and what its statements are given.
#pragma once

#include <squid_mesh/squid_mesh.hpp>

#include <expected>
#include <string>

inline squid_mesh::json unshown(const squid_mesh::json& input) { return input; }
constexpr auto &write_report = unshown, &fetch_mail = unshown, &find_address = unshown, &print_label = unshown,
               &render = unshown, &upload = unshown, &score = unshown, &refuse = unshown, &look_closer = unshown,
               &pay = unshown, &ask_for_export = unshown, &download = unshown, &check_stock = unshown,
               &check_credit = unshown, &find_carrier = unshown, &ship = unshown, &send_message = unshown,
               &remind = unshown, &welcome = unshown, &decline = unshown, &invite = unshown, &reserve = unshown,
               &take_payment = unshown, &send_tickets = unshown, &release = unshown, &pay_back = unshown;

namespace bank {
std::expected<std::string, int> charge(double amount, const std::string& key);
squid_mesh::result<void> refund(const squid_mesh::json& receipt, const std::string& key);
}  // namespace bank
namespace stock {
void release(const squid_mesh::json& reservation);
}

extern squid_mesh::mesh& mesh;
extern squid_mesh::run_id run;
extern squid_mesh::json document;
