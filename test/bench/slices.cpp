// Statements that take turns, in slices of time so short that the machine is the same for all of them.
//
//   slices CLIENTS SECONDS SLICE_MS STUDENTS {NAME CONNECTION SETUP SQL}...
//
// Each client is a process with one connection for each different CONNECTION, a connection string that libpq's
// environment completes; usually all are empty, and the statements take turns on the same one.  In a slice every client
// repeats one statement; SETUP, a statement that makes settings or nothing, runs at the slice's beginning.  $1 is the
// id of a student, all alike likely. Prints for each statement its runs in each round, summed over clients, and the
// seconds of CPU of servers and clients:
//
//   NAME <tab> SERVER_S <tab> CLIENT_S <tab> RUNS RUNS …
#include <libpq-fe.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <map>
#include <string>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kBetweenLooks = 8;  // runs until the clock is looked at again
constexpr int kWarmUps = 20;      // plans become generic, and stay
constexpr int kMostRounds = 4000;

struct Contender {
    std::string name, connection, setup, sql;
    bool wants_id() const { return sql.find("$1") != std::string::npos; }
};

struct Plan {
    int clients;
    double seconds, slice;
    int students;
    std::vector<Contender> contenders;
    Clock::time_point start;

    int rounds() const
    {
        return std::min(kMostRounds, static_cast<int>(seconds / slice) / static_cast<int>(contenders.size()));
    }
};

/// What one client did with one contender, in memory that the clients share with who prints it.
struct Tally {
    double server_seconds, client_seconds;
    std::uint32_t runs[kMostRounds];
};

double own_cpu()
{
    timespec now{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

double cpu_of(int pid)
{
    std::string const path = "/proc/" + std::to_string(pid) + "/schedstat";
    double nanoseconds = 0;
    if (FILE *const file = std::fopen(path.c_str(), "r")) {
        if (std::fscanf(file, "%lf", &nanoseconds) != 1)
            nanoseconds = 0;
        std::fclose(file);
    }
    return nanoseconds * 1e-9;
}

class Client {
public:
    Client(const Plan &plan, int number) : plan_(plan), seed_(12345U + static_cast<unsigned>(number) * 7919U)
    {
        for (std::size_t i = 0; i < plan_.contenders.size(); ++i) {
            const Contender &one = plan_.contenders[i];
            connect(one);
            set_up(one);
            expect(PQprepare(connection_, name_of(i).c_str(), one.sql.c_str(), 0, nullptr), PGRES_COMMAND_OK);
            for (int n = 0; n < kWarmUps; ++n)
                run(one, name_of(i));
        }
    }

    /// Until the plan's end; `tallies` has one for each contender.
    void work(Tally *tallies)
    {
        std::this_thread::sleep_until(plan_.start);
        int const turns = plan_.rounds() * static_cast<int>(plan_.contenders.size());
        for (int turn = slice_at_now(); turn < turns; turn = slice_at_now()) {
            std::size_t const which = contender_in(static_cast<std::size_t>(turn));
            Tally &tally = tallies[which];
            connect(plan_.contenders[which]);
            set_up(plan_.contenders[which]);
            double const server = cpu_of(PQbackendPID(connection_));
            double const client = own_cpu();
            std::uint32_t runs = 0;
            while (slice_at_now() == turn) {
                for (int n = 0; n < kBetweenLooks; ++n)
                    run(plan_.contenders[which], name_of(which));
                runs += kBetweenLooks;
            }
            tally.runs[turn / static_cast<int>(plan_.contenders.size())] += runs;
            tally.server_seconds += cpu_of(PQbackendPID(connection_)) - server;
            tally.client_seconds += own_cpu() - client;
        }
        for (auto const &[string, connection] : connections_)
            PQfinish(connection);
    }

private:
    static const std::string &name_of(std::size_t contender)
    {
        static std::vector<std::string> names;
        while (names.size() <= contender)
            names.push_back("q" + std::to_string(names.size()));
        return names[contender];
    }

    // Each round begins with another one, so that none is always behind the same other.
    std::size_t contender_in(std::size_t turn) const
    {
        std::size_t const width = plan_.contenders.size();
        return (turn + turn / width) % width;
    }

    int slice_at_now() const
    {
        return static_cast<int>(std::chrono::duration<double>(Clock::now() - plan_.start).count() / plan_.slice);
    }

    // Makes the contender's connection the one that is used.
    void connect(const Contender &one)
    {
        PGconn *&connection = connections_[one.connection];
        if (connection == nullptr)
            connection = PQconnectdb(one.connection.c_str());
        connection_ = connection;
        if (PQstatus(connection_) != CONNECTION_OK)
            give_up();
    }

    void set_up(const Contender &one)
    {
        if (!one.setup.empty())
            expect(PQexec(connection_, one.setup.c_str()), PGRES_COMMAND_OK);
    }

    void run(const Contender &one, const std::string &name)
    {
        seed_ = seed_ * 1664525U + 1013904223U;
        char id[32];
        std::snprintf(id, sizeof id, "c%024u", 1 + (seed_ >> 8) % static_cast<unsigned>(plan_.students));
        const char *const values[] = {id};
        expect(PQexecPrepared(connection_, name.c_str(), one.wants_id() ? 1 : 0, values, nullptr, nullptr, 0),
               PGRES_TUPLES_OK);
    }

    void expect(PGresult *result, ExecStatusType status)
    {
        if (PQresultStatus(result) != status)
            give_up();
        PQclear(result);
    }

    [[noreturn]] void give_up()
    {
        std::fprintf(stderr, "%s", PQerrorMessage(connection_));
        _exit(1);
    }

    const Plan &plan_;
    unsigned seed_;
    std::map<std::string, PGconn *> connections_;
    PGconn *connection_ = nullptr;
};

Plan plan_of(int count, char **arguments)
{
    Plan plan{std::atoi(arguments[1]),
              std::atof(arguments[2]),
              std::atof(arguments[3]) / 1000,
              std::atoi(arguments[4]),
              {},
              {}};
    for (int i = 5; i + 3 < count; i += 4)
        plan.contenders.push_back({arguments[i], arguments[i + 1], arguments[i + 2], arguments[i + 3]});
    // All have connected and warmed up by then.
    plan.start = Clock::now() + std::chrono::milliseconds(1000 + 50 * plan.clients);
    return plan;
}

void print(const Plan &plan, const Tally *tallies)
{
    std::size_t const width = plan.contenders.size();
    for (std::size_t which = 0; which < width; ++which) {
        double server = 0;
        double client = 0;
        for (int n = 0; n < plan.clients; ++n) {
            server += tallies[static_cast<std::size_t>(n) * width + which].server_seconds;
            client += tallies[static_cast<std::size_t>(n) * width + which].client_seconds;
        }
        std::printf("%s\t%.6f\t%.6f\t", plan.contenders[which].name.c_str(), server, client);
        for (int round = 0; round < plan.rounds(); ++round) {
            std::uint64_t runs = 0;
            for (int n = 0; n < plan.clients; ++n)
                runs += tallies[static_cast<std::size_t>(n) * width + which].runs[round];
            std::printf("%llu ", static_cast<unsigned long long>(runs));
        }
        std::printf("\n");
    }
}

}  // namespace

int main(int count, char **arguments)
{
    if (count < 9 || (count - 5) % 4 != 0) {
        std::fprintf(stderr, "slices CLIENTS SECONDS SLICE_MS STUDENTS {NAME CONNECTION SETUP SQL}...\n");
        return 2;
    }
    Plan const plan = plan_of(count, arguments);
    std::size_t const width = plan.contenders.size();
    auto *const tallies =
        static_cast<Tally *>(mmap(nullptr, sizeof(Tally) * width * static_cast<std::size_t>(plan.clients),
                                  PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    for (int n = 0; n < plan.clients; ++n) {
        if (fork() == 0) {
            Client(plan, n).work(tallies + static_cast<std::size_t>(n) * width);
            _exit(0);
        }
    }
    int status = 0;
    bool is_well = true;
    while (wait(&status) > 0)
        is_well = is_well && WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (is_well)
        print(plan, tallies);
    return is_well ? 0 : 1;
}
