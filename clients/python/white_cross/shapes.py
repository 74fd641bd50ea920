"""The JSON of every function that returns JSON.  Written by clients/shapes.py from schema/; do not edit."""

from typing import Any, Literal, NotRequired, TypedDict


class Allergy(TypedDict):
    """An allergy. An item of wc_student_allergies and of the summary's allergies."""

    id: str | int
    allergen: str | None
    severity: str | None
    reaction: str | None
    treatment: str | None
    verified: bool | None
    verifiedBy: str | None
    verifiedAt: str | None
    createdAt: str | None
    updatedAt: str | None


# wc_student_allergies. An empty list for an unknown student.
Allergies = list[Allergy]


class Student(TypedDict):
    """The student of a summary. dateOfBirth is midnight UTC of the day."""

    id: str | int
    firstName: str | None
    lastName: str | None
    studentNumber: str | None
    dateOfBirth: str | None
    gender: str | None


class Vital(TypedDict):
    """A record with vitals. An item of wc_recent_vitals and of the summary's recentVitals."""

    id: str | int
    date: str | None
    vital: Any
    type: str | None
    provider: str | None


class Vaccination(TypedDict):
    """A vaccination. An item of wc_vaccinations and of the summary's recentVaccinations."""

    id: str | int
    type: str | None
    date: str | None
    description: str | None
    provider: str | None
    notes: str | None


class Condition(TypedDict):
    """A chronic condition. An item of wc_student_conditions and of the summary's chronicConditions."""

    id: str | int
    condition: str | None
    diagnosedDate: str | None
    status: str | None
    severity: str | None
    notes: str | None
    carePlan: str | None
    medications: list[Any] | None
    restrictions: list[Any] | None
    triggers: list[Any] | None
    diagnosedBy: str | None
    lastReviewDate: str | None
    nextReviewDate: str | None
    createdAt: str | None
    updatedAt: str | None


class GrowthScores(TypedDict):
    """Scores of a measurement. Null: not measured, or the reference has no such age or sex."""

    height: float | None
    weight: float | None
    bmi: float | None


class GrowthFlags(TypedDict):
    """Whether a measurement is implausible. By CDC's limits. Null: not measured, or not known."""

    height: bool | None
    weight: bool | None
    bmi: bool | None


class GrowthPoint(TypedDict):
    """A point of a growth chart. cm, kg and kg/m²; null: not measured. The last five members are there with include = {percentiles}."""

    date: str | None
    height: float | None
    weight: float | None
    bmi: float | None
    recordType: str | None
    ageMonths: NotRequired[float | None]
    zScores: NotRequired[GrowthScores]
    percentiles: NotRequired[GrowthScores]
    category: NotRequired[Literal['underweight', 'healthy', 'overweight', 'obesity class 1', 'obesity class 2', 'obesity class 3'] | None]
    implausible: NotRequired[GrowthFlags]


class Trend(TypedDict):
    """A trend of a summary. changeRate is in percent of the first value, and null where that is 0."""

    trend: Literal['stable', 'increasing', 'decreasing']
    changeRate: float | None
    average: float
    min: float
    max: float
    points: int


class Trends(TypedDict):
    """The trends of a summary. A member for each vital sign that was measured."""

    temperature: NotRequired[Trend]
    bloodPressureSystolic: NotRequired[Trend]
    bloodPressureDiastolic: NotRequired[Trend]
    heartRate: NotRequired[Trend]
    respiratoryRate: NotRequired[Trend]
    oxygenSaturation: NotRequired[Trend]
    height: NotRequired[Trend]
    weight: NotRequired[Trend]
    bmi: NotRequired[Trend]


class Summary(TypedDict):
    """wc_health_summary. The last three members are there if include names them."""

    student: Student
    allergies: list[Allergy]
    recentVitals: list[Vital]
    recentVaccinations: list[Vaccination]
    recordCounts: dict[str, int]
    chronicConditions: NotRequired[list[Condition]]
    growth: NotRequired[list[GrowthPoint]]
    trends: NotRequired[Trends]


class RecordStudent(TypedDict):
    """The student of a record. Who the record is of."""

    id: str | int
    firstName: str | None
    lastName: str | None
    studentNumber: str | None


class HealthRecord(TypedDict):
    """A health record. An item of the pages of wc_student_records and wc_student_records_after."""

    id: str | int
    type: str | None
    date: str | None
    description: str | None
    vital: Any
    provider: str | None
    notes: str | None
    attachments: list[Any] | None
    createdAt: str | None
    updatedAt: str | None
    student: RecordStudent


class Pagination(TypedDict):
    """Where a page is among its pages. limit is the page's size."""

    page: int
    limit: int
    total: int
    pages: int


class RecordPage(TypedDict):
    """wc_student_records. An empty page for an unknown student."""

    records: list[HealthRecord]
    pagination: Pagination


# wc_growth_chart. An empty list for an unknown student.
GrowthChart = list[GrowthPoint]


# A value of wc_cache_entries. By the kind of the key: a summary without extras, a page of records or a growth chart.
CacheValue = Summary | RecordPage | GrowthChart


# wc_student_conditions. An empty list for an unknown student.
Conditions = list[Condition]


class PerformanceCache(TypedDict):
    connected: bool | None
    dbSize: int | None
    usedMemory: int | None
    hitRate: float | None


class PerformanceDatabasePoolStatsItem(TypedDict):
    state: str | None
    count: int


class PerformanceDatabase(TypedDict):
    poolStats: list[PerformanceDatabasePoolStatsItem] | None


class PerformanceMemory(TypedDict):
    heapUsed: int
    heapTotal: int


class Performance(TypedDict):
    """GET /api/admin/performance. Times in milliseconds, rates in percent, memory in bytes. Null: not known."""

    timeWindow: Literal['5 minutes']
    totalRequests: int | None
    avgResponseTime: float | None
    p50: float | None
    p95: float | None
    p99: float | None
    slowRequests: int | None
    errorRate: float | None
    cache: PerformanceCache
    database: PerformanceDatabase
    memory: PerformanceMemory


class DatabasePerformanceMemory(TypedDict):
    heapUsed: None
    heapTotal: None


class DatabasePerformance(TypedDict):
    """wc_performance. As performance.schema.json, without what only a worker knows."""

    timeWindow: Literal['5 minutes']
    totalRequests: int | None
    avgResponseTime: float | None
    p50: float | None
    p95: float | None
    p99: float | None
    slowRequests: int | None
    errorRate: float | None
    cache: PerformanceCache
    database: PerformanceDatabase
    memory: DatabasePerformanceMemory


class Deletion(TypedDict):
    """wc_bulk_delete_records. How many records were deleted, and how many ids have none."""

    deleted: int
    notFound: int


# An allergy in an export. Other columns of the table are under their own names. $jsonNulls lists the columns that hold JSON's null.
ExportedAllergy = TypedDict('ExportedAllergy', {
    'id': str | int,
    'allergen': str | None,
    'severity': str | None,
    'reaction': str | None,
    'treatment': str | None,
    'verified': bool | None,
    'verifiedBy': str | None,
    'verifiedAt': str | None,
    'createdAt': str | None,
    'updatedAt': str | None,
    '$jsonNulls': NotRequired[list[str]],
})


class ExportAllergiesChunk(TypedDict):
    """A chunk of allergies. Of wc_export_health_history."""

    type: Literal['allergies']
    chunk: int
    studentId: str | int
    allergies: list[ExportedAllergy]


class ExportAllergyLine(TypedDict):
    """A line with one row of allergies. Of wc_export_health_history_ndjson."""

    type: Literal['allergy']
    chunk: int
    studentId: str | int
    allergy: ExportedAllergy


# A student in an export. Other columns of the table are under their own names. $jsonNulls lists the columns that hold JSON's null.
ExportedStudent = TypedDict('ExportedStudent', {
    'id': str | int,
    'firstName': str | None,
    'lastName': str | None,
    'studentNumber': str | None,
    'dateOfBirth': str | None,
    'gender': str | None,
    '$jsonNulls': NotRequired[list[str]],
})


class ExportStudentChunk(TypedDict):
    """The first chunk of an export. Also the first line of wc_export_health_history_ndjson."""

    type: Literal['student']
    chunk: int
    studentId: str | int
    format: Literal[1]
    exportDate: str
    student: ExportedStudent


# A health record in an export. Other columns of the table are under their own names. $jsonNulls lists the columns that hold JSON's null.
ExportedRecord = TypedDict('ExportedRecord', {
    'id': str | int,
    'type': str | None,
    'date': str | None,
    'description': str | None,
    'vital': Any,
    'provider': str | None,
    'notes': str | None,
    'attachments': list[Any] | None,
    'createdAt': str | None,
    'updatedAt': str | None,
    '$jsonNulls': NotRequired[list[str]],
})


class ExportRecordsChunk(TypedDict):
    """A chunk of records. Of wc_export_health_history."""

    type: Literal['records']
    chunk: int
    studentId: str | int
    records: list[ExportedRecord]


# A chronic condition in an export. Other columns of the table are under their own names. $jsonNulls lists the columns that hold JSON's null.
ExportedCondition = TypedDict('ExportedCondition', {
    'id': str | int,
    'condition': str | None,
    'diagnosedDate': str | None,
    'status': str | None,
    'severity': str | None,
    'notes': str | None,
    'carePlan': str | None,
    'medications': list[Any] | None,
    'restrictions': list[Any] | None,
    'triggers': list[Any] | None,
    'diagnosedBy': str | None,
    'lastReviewDate': str | None,
    'nextReviewDate': str | None,
    'createdAt': str | None,
    'updatedAt': str | None,
    '$jsonNulls': NotRequired[list[str]],
})


class ExportConditionsChunk(TypedDict):
    """A chunk of conditions. Of wc_export_health_history."""

    type: Literal['conditions']
    chunk: int
    studentId: str | int
    conditions: list[ExportedCondition]


class ExportEndChunk(TypedDict):
    """The last chunk of an export. How many rows came before it. Also the last line of wc_export_health_history_ndjson."""

    type: Literal['end']
    chunk: int
    studentId: str | int
    records: int
    allergies: int
    conditions: int


# wc_export_health_history. One row, in this order.
ExportChunk = ExportStudentChunk | ExportRecordsChunk | ExportAllergiesChunk | ExportConditionsChunk | ExportEndChunk


class ExportConditionLine(TypedDict):
    """A line with one row of conditions. Of wc_export_health_history_ndjson."""

    type: Literal['condition']
    chunk: int
    studentId: str | int
    condition: ExportedCondition


class ExportRecordLine(TypedDict):
    """A line with one row of records. Of wc_export_health_history_ndjson."""

    type: Literal['record']
    chunk: int
    studentId: str | int
    record: ExportedRecord


# wc_export_health_history_ndjson. One line, in this order.
ExportLine = ExportStudentChunk | ExportRecordLine | ExportAllergyLine | ExportConditionLine | ExportEndChunk


class Highlight(TypedDict):
    """Where a query was found. HTML with <mark>; null where the text has no match."""

    description: str | None
    notes: str | None
    provider: str | None


class FoundRecord(TypedDict):
    """A record that a search found. student is null where no row of students has the id; highlight is there if it was asked for."""

    id: str | int
    type: str | None
    date: str | None
    description: str | None
    vital: Any
    provider: str | None
    notes: str | None
    attachments: list[Any] | None
    createdAt: str | None
    updatedAt: str | None
    student: RecordStudent | None
    highlight: NotRequired[Highlight]


class ImportCounts(TypedDict):
    """What an import did with the rows of a section. Each row is in one of them."""

    inserted: int
    updated: int
    skipped: int


class ImportResult(TypedDict):
    """wc_import_health_history. What became of the rows, by section."""

    studentId: str | int
    student: ImportCounts
    records: ImportCounts
    allergies: ImportCounts
    conditions: ImportCounts


# other_names of wc_attach. The column of each attribute whose column has another name.
OtherNames = dict[str, str]


class PrevalenceRow(TypedDict):
    """A row of wc_growth_prevalence. As to_json prints it."""

    student_grade: str | None
    sex: str | None
    category: str
    students: int
    percent: float | None
    counted_at: str
    counted_within: str | None


# wc_recent_vitals. An empty list for an unknown student.
RecentVitals = list[Vital]


class RecordSlice(TypedDict):
    """wc_student_records_after. nextCursor is null behind the last record."""

    records: list[HealthRecord]
    nextCursor: str | None


class SearchPagination(TypedDict):
    """Where a page is among those of a search. totalIsLowerBound: the search stopped counting. rankedLatest: only so many of the latest were ranked."""

    page: int
    limit: int
    total: int
    pages: int
    totalIsLowerBound: NotRequired[Literal[True]]
    rankedLatest: NotRequired[int]


class SearchPage(TypedDict):
    """wc_search_health_records. An empty page where nothing was found."""

    records: list[FoundRecord]
    pagination: SearchPagination


class SlowCallsItem(TypedDict):
    endedAt: str
    function: str
    ms: float
    sqlstate: str | None
    traceId: str | None


class Slow(TypedDict):
    """GET /api/admin/slow. The last slow calls, the latest first, without arguments. Null: not known."""

    calls: list[SlowCallsItem] | None


class Statistics(TypedDict):
    """wc_statistics and wc_statistics_exact. NULL for no values."""

    count: int
    sum: float
    average: float
    min: float
    max: float
    median: float
    stdDev: float


# wc_vaccinations. An empty list for an unknown student.
Vaccinations = list[Vaccination]


class VitalTrend(TypedDict):
    """wc_vital_trend and wc_trend. NULL for no values at all. slopePer30Days and rSquared are null where all values are of one moment."""

    trend: Literal['stable', 'increasing', 'decreasing']
    changeRate: float | None
    average: float
    min: float
    max: float
    points: int
    slopePer30Days: float | None
    rSquared: float | None
