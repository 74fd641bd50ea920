// A walk back from the latest record through all parts, in the order of records.
#pragma once
#include <cmath>

#include "extension/search/record_parts.hpp"

extern "C" {
#include "lib/binaryheap.h"
}

namespace wc {

class RecordWalk {
public:
    /// REQUIRES: parts.has_dates(); `parts` stays open until end().
    explicit RecordWalk(RecordParts &parts);

    /// Returns the part that has the next record in its slot; null after the last one.
    RecordCursor *next();
    void end();

private:
    struct Head {
        IndexScanDesc scan;
        Row row;
    };

    static int compare(Datum a, Datum b, void *walk);
    bool advance(int part);
    void enter();

    RecordParts &parts_;
    RowOrder order_;
    Head *heads_;  // of the parts that the walk has entered
    int entered_;
    binaryheap *ahead_;  // the numbers of those that have a record left
    bool has_begun_;
};

/// Returns the share of records that fit, as high as it may well be when `fitting` of the first `looked` do: a walk
/// that goes on for too long costs little, and one that ends too early gives way to reading all matches.
inline double likely_share(int64 fitting, int64 looked)
{
    double const found = static_cast<double>(fitting);
    return (found + 1 + std::sqrt(found + 1)) / static_cast<double>(looked);
}

/// Walks back from the latest record and collects the records that fit, until there are `needed` of them.  `cost`: the
/// cost of examining one record; `fits`: whether the record in the slot of a part fits; `rather`: returns the cost of
/// the other way if this share of the records fits.  Returns false if the other way is cheaper, or if there is no index
/// to walk through.
template <typename Fits, typename Rather>
bool walk_looking(RecordParts &parts, double cost, int64 needed, RowList &rows, Fits fits, Rather rather)
{
    constexpr int64 kFirstLook = 64;  // records that it examines before it decides whether to go on
    rows.count = 0;
    if (!parts.has_dates())
        return false;
    int64 looked = 0;
    int64 next_judgement = kFirstLook;
    RecordCursor *records = nullptr;
    RecordWalk walk(parts);
    while (rows.count < needed) {
        records = walk.next();
        if (records == nullptr)
            break;
        if (fits(*records))
            records->add_to(rows);
        if (++looked < next_judgement)
            continue;
        CHECK_FOR_INTERRUPTS();
        double const share = likely_share(rows.count, looked);
        if (static_cast<double>(needed - rows.count) / share * cost > rather(share))
            break;
        next_judgement = looked + kFirstLook;
    }
    walk.end();
    return records == nullptr || rows.count >= needed;
}

}  // namespace wc
