// By what a table is partitioned, as far as direct reading makes use of it.
#pragma once
#include "extension/binding/binding.hpp"

extern "C" {
#include "partitioning/partbounds.h"
#include "partitioning/partdesc.h"
#include "utils/partcache.h"
}

namespace wc {

/// Returns whether the table is partitioned by the student's id alone: all rows of a student are in one partition.
bool is_partitioned_by_student(Entity entity, const BoundTable &table, PartitionKey key);

/// Returns whether these are records that are partitioned by ranges of their date alone.
bool is_partitioned_by_date(Entity entity, const BoundTable &table, PartitionKey key);

/// Returns the number of the partition for this value of the key, or -1 if there is none.
///
/// REQUIRES: the key has one column.
int find_partition(PartitionKey key, const PartitionDescData &partitions, Datum value);

}  // namespace wc
