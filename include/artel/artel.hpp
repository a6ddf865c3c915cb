// All of artel.
#pragma once

#include "artel/callback.hpp"
#include "artel/capabilities.hpp"
#include "artel/codec.hpp"
#include "artel/connection.hpp"
#include "artel/error.hpp"
#include "artel/hex.hpp"
#include "artel/http.hpp"
#include "artel/log.hpp"
#include "artel/loop.hpp"
#include "artel/metrics.hpp"
#include "artel/protocol.hpp"
#include "artel/timer.hpp"
#include "artel/udp.hpp"
#include "artel/version.hpp"
#include "artel/websocket.hpp"
#include "artel/worker.hpp"
