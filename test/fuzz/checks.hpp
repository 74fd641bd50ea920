// What holds for any bytes whatever.  The fuzzers call these with what they make up, the unit tests with the corpus and
// with mutations of it; a check that fails ends the process.
#pragma once
#include <string_view>

namespace wc::fuzz {

/// core/search: terms lie in the text, one behind the other; patterns and highlighted HTML are well formed.
void check_search(std::string_view text);

/// core/json/reader: pieces lie in the text, and what strings say is written and read back the same.
void check_json(std::string_view text);

/// core/csv: a reader by RFC 4180 finds the fields that were written, between line ends in `text`.
void check_csv(std::string_view text);

/// core/protocol and the keys of students: tokens are written as they were read, `covers` is an order, and a key names
/// the student that it was made for.  A line for each token.
void check_token(std::string_view text);

/// core/trace: what was read is written the same, alone and in the comment of a statement.
void check_traceparent(std::string_view text);

/// Ids, times, labels and units, against readers that are slower and plainer.
void check_spelling(std::string_view text);

/// URLs, DSNs, keys and headers of the configuration: what is accepted is one line without blanks, means the same when
/// it is read again, and shows no password.
void check_address(std::string_view text);

/// The configuration's TOML: an error is one line that can be shown, and settings are written and read back the same.
void check_settings(std::string_view text);

/// HTTP: pieces of a request lie in it, nobody gets in without the token, and a response has a status.
void check_http(std::string_view text);

/// Answers of Redis and of a Sentinel: no list is larger than its bound, and each command either takes its answer or
/// throws an error that is one line.  The first byte chooses the command, the second the size of the pieces.
void check_reply(std::string_view bytes);

/// What a node of a cluster says of it: a node is one of the text, the node that answers is there once, slots are read
/// as they are written, and an error shows nothing of the answer.
void check_cluster(std::string_view text);

/// The file of secrets: it is taken exactly where a slower reader finds one secret or two, and a fault shows nothing of
/// it.
void check_secrets(std::string_view text);

/// Answers of receivers: a pause that Sentry asks for has bounds, and what an answer of OTLP says is one line without
/// our key.  The first line is the header, the rest the body.
void check_answer(std::string_view text);

struct Target {
    std::string_view name;  ///< of the check and of its folder in test/fuzz/corpus
    void (*check)(std::string_view);
};

inline constexpr Target kTargets[] = {{"address", check_address},
                                      {"answer", check_answer},
                                      {"cluster", check_cluster},
                                      {"csv", check_csv},
                                      {"http", check_http},
                                      {"json", check_json},
                                      {"reply", check_reply},
                                      {"search", check_search},
                                      {"secrets", check_secrets},
                                      {"settings", check_settings},
                                      {"spelling", check_spelling},
                                      {"token", check_token},
                                      {"traceparent", check_traceparent}};

}  // namespace wc::fuzz
