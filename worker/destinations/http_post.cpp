#include "destinations/http_post.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace wc::destinations {
namespace {

// Nobody reads more than a message about an error.
constexpr std::size_t kLongestBody = 64 << 10;

struct Libcurl {
    Libcurl()
    {
        if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
            throw std::runtime_error("libcurl cannot be used");
    }
};

std::size_t take(char *data, std::size_t size, std::size_t count, void *to)
{
    auto &body = *static_cast<std::string *>(to);
    auto const fits = std::min(size * count, kLongestBody - body.size());
    body.append(data, fits);
    // Less than was offered ends the transfer.
    return fits;
}

struct Headers {
    curl_slist *list = nullptr;
    ~Headers() { curl_slist_free_all(list); }
    void add(const std::string &line)
    {
        auto *longer = curl_slist_append(list, line.c_str());
        if (!longer)
            throw std::bad_alloc();
        list = longer;
    }
};

}  // namespace

struct HttpPost::Handles {
    CURLM *multi = curl_multi_init();
    CURL *easy = curl_easy_init();
    Handles()
    {
        if (!multi || !easy)
            throw std::bad_alloc();
    }
    ~Handles()
    {
        curl_easy_cleanup(easy);
        curl_multi_cleanup(multi);
    }
};

HttpPost::HttpPost(std::string url, Options options) : url_(std::move(url)), options_(std::move(options))
{
    static const Libcurl libcurl;
    handles_ = std::make_unique<Handles>();
}

HttpPost::~HttpPost() = default;

void HttpPost::stop_at(Time until)
{
    until_ = until;
    curl_multi_wakeup(handles_->multi);
}

// Until the answer is complete, its time is over, or that of stop_at() is.
int HttpPost::perform()
{
    auto *multi = handles_->multi;
    for (int running = 1;;) {
        if (curl_multi_perform(multi, &running) != CURLM_OK)
            return CURLE_OPERATION_TIMEDOUT;
        int left = 0;
        if (auto const *message = curl_multi_info_read(multi, &left); message && message->msg == CURLMSG_DONE)
            return message->data.result;
        auto const until = until_.load();
        auto const now = std::chrono::steady_clock::now();
        if (now >= until)
            return CURLE_OPERATION_TIMEDOUT;
        auto const pause = std::min<Time::duration>(until - now, std::chrono::seconds(1));
        auto const milliseconds = std::chrono::ceil<std::chrono::milliseconds>(pause).count();
        curl_multi_poll(multi, nullptr, 0, static_cast<int>(milliseconds), nullptr);
    }
}

HttpAnswer HttpPost::send(const std::vector<std::string> &headers, std::string_view body)
{
    HttpAnswer answer;
    // An exception must not leave the function that libcurl calls.
    answer.body.reserve(kLongestBody);
    Headers lines;
    for (auto const &line : headers)
        lines.add(line);
    // Without it libcurl asks for leave to send a long body, and waits for an answer that not every receiver gives.
    lines.add("Expect:");
    auto *easy = handles_->easy;
    curl_easy_reset(easy);
    curl_easy_setopt(easy, CURLOPT_URL, url_.c_str());
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "wc-worker/" WC_VERSION);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, lines.list);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body.data());
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(options_.timeout.count()));
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    // A thread that looks up a name must not hold up the end.
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &answer.body);
    if (!options_.ca_file.empty())
        curl_easy_setopt(easy, CURLOPT_CAINFO, options_.ca_file.c_str());

    auto *multi = handles_->multi;
    curl_multi_add_handle(multi, easy);
    auto const result = static_cast<CURLcode>(perform());
    long status = 0;
    curl_off_t retry_after = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &retry_after);
    curl_header *found = nullptr;
    if (options_.wanted_header &&
        curl_easy_header(easy, options_.wanted_header, 0, CURLH_HEADER, -1, &found) == CURLHE_OK)
        answer.wanted = found->value;
    curl_multi_remove_handle(multi, easy);
    bool const is_cut = result == CURLE_WRITE_ERROR && answer.body.size() >= kLongestBody;
    if (result != CURLE_OK && !is_cut) {
        answer.error = curl_easy_strerror(result);
        return answer;
    }
    answer.status = static_cast<int>(status);
    answer.retry_after = std::chrono::seconds(std::max<curl_off_t>(retry_after, 0));
    return answer;
}

}  // namespace wc::destinations
