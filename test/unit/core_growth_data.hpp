// The published values in test/data/growth, row by row.
#pragma once
#include <fstream>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/growth/reference.hpp"

namespace wc::growth {

using Row = std::map<std::string, std::string>;

inline std::vector<std::string> cells(const std::string &line)
{
    std::vector<std::string> found;
    std::istringstream rest(line);
    for (std::string cell; std::getline(rest, cell, ',');)
        found.push_back(cell);
    return found;
}

/// Rows by the names in the file's first line.  Tests run in the tree's root.
inline std::vector<Row> read_rows(const std::string &path)
{
    std::ifstream file(path);
    std::string line;
    if (!std::getline(file, line))
        throw std::runtime_error("cannot read " + path);
    std::vector<std::string> const names = cells(line);
    std::vector<Row> rows;
    while (std::getline(file, line)) {
        std::vector<std::string> const values = cells(line);
        Row row;
        for (std::size_t i = 0; i < names.size(); ++i)
            row[names[i]] = values.at(i);
        rows.push_back(row);
    }
    return rows;
}

inline double number(const Row &row, const std::string &column) { return std::stod(row.at(column)); }

inline Measure measure_of(const Row &row)
{
    Measure measure{};
    if (!parse_measure(row.at("measure"), measure))
        throw std::runtime_error("no measure " + row.at("measure"));
    return measure;
}

inline Sex sex_of(const Row &row) { return row.at("sex") == "male" ? Sex::Male : Sex::Female; }

/// The distribution at a point or between two; also at 240 months, where the range ends and a point is.
inline Norm norm_of(Measure measure, Sex sex, double age_months)
{
    Norm norm;
    if (age_months == kCdcEndAge)
        return cdc_point(measure, sex, kCdcPoints - 1);
    if (!cdc_norm(measure, sex, age_months, norm))
        throw std::runtime_error("no norm at " + std::to_string(age_months));
    return norm;
}

}  // namespace wc::growth
