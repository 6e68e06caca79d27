// Boost.Asio with what its version 1.74 needs to be told; nobody else includes it.
#pragma once

#if defined(__clang__)  // clang 14 has coroutines, but not the macros by which Asio finds them
#define BOOST_ASIO_HAS_CO_AWAIT 1
#define BOOST_ASIO_HAS_STD_COROUTINE 1
#endif
#if defined(__SANITIZE_THREAD__)  // which does not know fences; Asio's queues have locks besides
#define BOOST_ASIO_DISABLE_FENCED_BLOCK 1
#endif

// clang-format off: <utility> goes first, because awaitable.hpp uses std::exchange without it.
#include <utility>
// clang-format on

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
