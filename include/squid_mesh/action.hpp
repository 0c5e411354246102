// squid_mesh/action.hpp - plain functions as the actions of steps.
#pragma once

#include <squid_mesh/error.hpp>
#include <squid_mesh/json.hpp>
#include <squid_mesh/step_context.hpp>

#include <functional>
#include <type_traits>
#include <utility>

#pragma GCC visibility push(default)
namespace squid_mesh::inline v1 {

/// An action as the engine calls it: the step's input, an object, in; its output, or why there is none, out.
/// An exception that leaves it is a retryable failure.
using handler = std::function<result<json>(const json& input, step_context& context)>;

namespace detail {

template <class R>
inline constexpr bool is_result = false;
template <class T>
inline constexpr bool is_result<std::expected<T, error>> = true;

/// An input that doesn't have the action's type will not have it at the next attempt either.
template <class T>
result<T> read_input(const json& input) {
  try {
    return input.template get<T>();
  } catch (const json::exception& e) {
    error failure = permanent(std::string("the step's input doesn't have the type of its action: ") + e.what());
    failure.code = errc::invalid_argument;
    return std::unexpected(std::move(failure));
  }
}

template <class Call>
result<json> to_output(Call&& call) {
  using returned = std::invoke_result_t<Call>;
  if constexpr (std::is_void_v<returned>) {
    call();
    return json();
  } else if constexpr (is_result<returned>) {
    returned outcome = call();
    if (!outcome) return std::unexpected(std::move(outcome).error());
    if constexpr (std::is_void_v<typename returned::value_type>) {
      return json();
    } else {
      return json(*std::move(outcome));
    }
  } else {
    return json(call());
  }
}

template <class F, class Input>
result<json> call_with_input(F& f, const json& input, step_context& context) {
  using value = std::remove_cvref_t<Input>;
  const auto call = [&](const value& v) {
    return to_output([&] {
      if constexpr (std::is_invocable_v<F&, const value&, step_context&>) {
        return f(v, context);
      } else {
        return f(v);
      }
    });
  };
  if constexpr (std::is_same_v<value, json>) {
    return call(input);
  } else {
    auto typed = read_input<value>(input);
    if (!typed) return std::unexpected(std::move(typed).error());
    return call(*typed);
  }
}

/// The type of an action's first parameter; `void` where it takes no input.
template <class F>
struct input_of : input_of<decltype(&F::operator())> {};
template <class R>
struct input_of<R (*)()> : std::type_identity<void> {};
template <class R, class A, class... Rest>
struct input_of<R (*)(A, Rest...)> : std::type_identity<A> {};
template <class R, class... Rest>
struct input_of<R (*)(step_context&, Rest...)> : std::type_identity<void> {};
template <class R, class C, class... As>
struct input_of<R (C::*)(As...) const> : input_of<R (*)(As...)> {};
template <class R, class C, class... As>
struct input_of<R (C::*)(As...)> : input_of<R (*)(As...)> {};

template <class F>
result<json> invoke_action(F& f, const json& input, step_context& context) {
  using in = typename input_of<std::remove_const_t<F>>::type;
  if constexpr (!std::is_void_v<in>) {
    return call_with_input<F, in>(f, input, context);
  } else if constexpr (std::is_invocable_v<F&, step_context&>) {
    return to_output([&] { return f(context); });
  } else {
    return to_output([&] { return f(); });
  }
}

template <auto F>
result<json> invoke_constant(const json& input, step_context& context) {
  auto f = F;
  return invoke_action(f, input, context);
}

}  // namespace detail

/// The action of a step, in a declaration: `sm::action<fetch_feed>`.
struct action_ref {
  result<json> (*invoke)(const json& input, step_context& context) = nullptr;
};

/// A plain function or a captureless lambda as an action. It may take the step's input (as `json`, or as any type
/// that nlohmann's `from_json` knows) and then a `step_context&`; either may be left out. It returns a value that
/// `to_json` knows, a `result` of one, or nothing; or it throws.
template <auto F>
inline constexpr action_ref action{&detail::invoke_constant<F>};

/// An action that the host binds at run time, by the step's name: for handlers that need captures.
inline constexpr action_ref bound_action{};

/// Any callable of the forms that `action` takes, captures included, for binding at run time. Copied into the
/// handler; called from several threads at once.
template <class F>
handler make_handler(F f) {
  return [f = std::move(f)](const json& input, step_context& context) mutable {
    return detail::invoke_action(f, input, context);
  };
}

}  // namespace squid_mesh::inline v1
#pragma GCC visibility pop
