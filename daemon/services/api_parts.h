// What rows of several route tables say of themselves in the same words: parameters, bodies,
// answers.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/http/route.h"
#include "daemon/services/common.h"

namespace mesh::services::api {

// --- schemas

// One of api_schemas.h.
Json ref(std::string_view schema);
Json integer(const IntRange& range);
Json number(const NumberRange& range);
// Texts; `fallback` is what holds where there is none, if anything does.
Json one_of(const std::vector<std::string>& values, std::string_view fallback = {});
// A place in the log.
Json bound(std::string_view fallback);

// --- parameters

http::Parameter path(std::string name, std::string description,
                     Json schema = {{"type", "string"}, {"minLength", 1}});
http::Parameter query(std::string name, std::string description,
                      Json schema = {{"type", "string"}});
http::Parameter required(http::Parameter parameter);
// How many of `what` one answer has.
http::Parameter limit(const std::string& what, const IntRange& range);
// Where a list goes on; `source` holds it.
http::Parameter cursor(const std::string& source);
// For how long a request may be held until there is `what`.
http::Parameter wait(const std::string& what);
http::Parameter tenant_of_path();
http::Parameter tenant_filter();
http::Parameter idempotency_key(std::size_t longest = kMaxIdempotencyKeyBytes);
http::Parameter if_match();
http::Parameter if_none_match();

// --- bodies

std::vector<http::Content> json(std::string_view schema);
// Of operations that take nothing.
std::vector<http::Content> no_members();
// Of JSON objects, one a line, such as `example`.
std::vector<http::Content> lines(const std::string& example);

// --- answers

http::Answer gives(std::string_view schema, std::string description, int status = 200);
http::Answer gives_value(Json schema, std::string description, int status = 200);
http::Answer gives_text(std::string media, std::string description, int status = 200);
// A stream of server-sent events, which Responder::stream answers. `data`: what an event holds, by
// type ("" for one without), each a schema of JSON. With it go the events `lost`, and the problems
// 429 and 503 where too many streams are open, which the row has to name.
http::Answer gives_events(std::string description,
                          const std::vector<std::pair<std::string, Json>>& data);
http::Answer nothing(std::string description);
http::Answer not_modified();
// 202 of what goes on as a task.
http::Answer starts_task(std::string description);
http::Parameter header(std::string name, std::string description,
                       Json schema = {{"type", "string"}});
// These take an answer and give it back with more.
http::Answer with_header(http::Answer answer, http::Parameter field);
http::Answer with_etag(http::Answer answer);
// Links to operations whose path parameter `parameter` is the member `member` of this answer.
http::Answer leads_to(http::Answer answer, std::initializer_list<std::string_view> operations,
                      const std::string& parameter, const std::string& member);

// --- tables

// A table of the admin API: every row is for operators, and in the group `tag`.
http::RouteTable for_operators(std::string_view tag, http::RouteTable table);

}  // namespace mesh::services::api
