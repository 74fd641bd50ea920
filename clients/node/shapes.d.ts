// The JSON of every function that returns JSON.  Written by clients/shapes.py from schema/; do not edit.

/** An allergy. An item of wc_student_allergies and of the summary's allergies. */
export interface Allergy {
  id: string | number;
  allergen: string | null;
  severity: string | null;
  reaction: string | null;
  treatment: string | null;
  verified: boolean | null;
  verifiedBy: string | null;
  verifiedAt: string | null;
  createdAt: string | null;
  updatedAt: string | null;
}

/** wc_student_allergies. An empty list for an unknown student. */
export type Allergies = Allergy[];

/** The student of a summary. dateOfBirth is midnight UTC of the day. */
export interface Student {
  id: string | number;
  firstName: string | null;
  lastName: string | null;
  studentNumber: string | null;
  dateOfBirth: string | null;
  gender: string | null;
}

/** A record with vitals. An item of wc_recent_vitals and of the summary's recentVitals. */
export interface Vital {
  id: string | number;
  date: string | null;
  vital: unknown;
  type: string | null;
  provider: string | null;
}

/** A vaccination. An item of wc_vaccinations and of the summary's recentVaccinations. */
export interface Vaccination {
  id: string | number;
  type: string | null;
  date: string | null;
  description: string | null;
  provider: string | null;
  notes: string | null;
}

/** A chronic condition. An item of wc_student_conditions and of the summary's chronicConditions. */
export interface Condition {
  id: string | number;
  condition: string | null;
  diagnosedDate: string | null;
  status: string | null;
  severity: string | null;
  notes: string | null;
  carePlan: string | null;
  medications: unknown[] | null;
  restrictions: unknown[] | null;
  triggers: unknown[] | null;
  diagnosedBy: string | null;
  lastReviewDate: string | null;
  nextReviewDate: string | null;
  createdAt: string | null;
  updatedAt: string | null;
}

/** Scores of a measurement. Null: not measured, or the reference has no such age or sex. */
export interface GrowthScores {
  height: number | null;
  weight: number | null;
  bmi: number | null;
}

/** Whether a measurement is implausible. By CDC's limits. Null: not measured, or not known. */
export interface GrowthFlags {
  height: boolean | null;
  weight: boolean | null;
  bmi: boolean | null;
}

/** A point of a growth chart. cm, kg and kg/m²; null: not measured. The last five members are there with include = {percentiles}. */
export interface GrowthPoint {
  date: string | null;
  height: number | null;
  weight: number | null;
  bmi: number | null;
  recordType: string | null;
  ageMonths?: number | null;
  zScores?: GrowthScores;
  percentiles?: GrowthScores;
  category?: "underweight" | "healthy" | "overweight" | "obesity class 1" | "obesity class 2" | "obesity class 3" | null;
  implausible?: GrowthFlags;
}

/** A trend of a summary. changeRate is in percent of the first value, and null where that is 0. */
export interface Trend {
  trend: "stable" | "increasing" | "decreasing";
  changeRate: number | null;
  average: number;
  min: number;
  max: number;
  points: number;
}

/** The trends of a summary. A member for each vital sign that was measured. */
export interface Trends {
  temperature?: Trend;
  bloodPressureSystolic?: Trend;
  bloodPressureDiastolic?: Trend;
  heartRate?: Trend;
  respiratoryRate?: Trend;
  oxygenSaturation?: Trend;
  height?: Trend;
  weight?: Trend;
  bmi?: Trend;
}

/** wc_health_summary. The last three members are there if include names them. */
export interface Summary {
  student: Student;
  allergies: Allergy[];
  recentVitals: Vital[];
  recentVaccinations: Vaccination[];
  recordCounts: Record<string, number>;
  chronicConditions?: Condition[];
  growth?: GrowthPoint[];
  trends?: Trends;
}

/** The student of a record. Who the record is of. */
export interface RecordStudent {
  id: string | number;
  firstName: string | null;
  lastName: string | null;
  studentNumber: string | null;
}

/** A health record. An item of the pages of wc_student_records and wc_student_records_after. */
export interface HealthRecord {
  id: string | number;
  type: string | null;
  date: string | null;
  description: string | null;
  vital: unknown;
  provider: string | null;
  notes: string | null;
  attachments: unknown[] | null;
  createdAt: string | null;
  updatedAt: string | null;
  student: RecordStudent;
}

/** Where a page is among its pages. limit is the page's size. */
export interface Pagination {
  page: number;
  limit: number;
  total: number;
  pages: number;
}

/** wc_student_records. An empty page for an unknown student. */
export interface RecordPage {
  records: HealthRecord[];
  pagination: Pagination;
}

/** wc_growth_chart. An empty list for an unknown student. */
export type GrowthChart = GrowthPoint[];

/** A value of wc_cache_entries. By the kind of the key: a summary without extras, a page of records or a growth chart. */
export type CacheValue = Summary | RecordPage | GrowthChart;

/** wc_student_conditions. An empty list for an unknown student. */
export type Conditions = Condition[];

export interface PerformanceCache {
  connected: boolean | null;
  dbSize: number | null;
  usedMemory: number | null;
  hitRate: number | null;
}

export interface PerformanceDatabasePoolStatsItem {
  state: string | null;
  count: number;
}

export interface PerformanceDatabase {
  poolStats: PerformanceDatabasePoolStatsItem[] | null;
}

export interface PerformanceMemory {
  heapUsed: number;
  heapTotal: number;
}

/** GET /api/admin/performance. Times in milliseconds, rates in percent, memory in bytes. Null: not known. */
export interface Performance {
  timeWindow: "5 minutes";
  totalRequests: number | null;
  avgResponseTime: number | null;
  p50: number | null;
  p95: number | null;
  p99: number | null;
  slowRequests: number | null;
  errorRate: number | null;
  cache: PerformanceCache;
  database: PerformanceDatabase;
  memory: PerformanceMemory;
}

export interface DatabasePerformanceMemory {
  heapUsed: null;
  heapTotal: null;
}

/** wc_performance. As performance.schema.json, without what only a worker knows. */
export interface DatabasePerformance {
  timeWindow: "5 minutes";
  totalRequests: number | null;
  avgResponseTime: number | null;
  p50: number | null;
  p95: number | null;
  p99: number | null;
  slowRequests: number | null;
  errorRate: number | null;
  cache: PerformanceCache;
  database: PerformanceDatabase;
  memory: DatabasePerformanceMemory;
}

/** wc_bulk_delete_records. How many records were deleted, and how many ids have none. */
export interface Deletion {
  deleted: number;
  notFound: number;
}

/** An allergy in an export. Other columns of the table are under their own names. $jsonNulls lists the columns that hold JSON's null. */
export interface ExportedAllergy {
  id: string | number;
  allergen: string | null;
  severity: string | null;
  reaction: string | null;
  treatment: string | null;
  verified: boolean | null;
  verifiedBy: string | null;
  verifiedAt: string | null;
  createdAt: string | null;
  updatedAt: string | null;
  "$jsonNulls"?: string[];
  [column: string]: unknown;
}

/** A chunk of allergies. Of wc_export_health_history. */
export interface ExportAllergiesChunk {
  type: "allergies";
  chunk: number;
  studentId: string | number;
  allergies: ExportedAllergy[];
}

/** A line with one row of allergies. Of wc_export_health_history_ndjson. */
export interface ExportAllergyLine {
  type: "allergy";
  chunk: number;
  studentId: string | number;
  allergy: ExportedAllergy;
}

/** A student in an export. Other columns of the table are under their own names. $jsonNulls lists the columns that hold JSON's null. */
export interface ExportedStudent {
  id: string | number;
  firstName: string | null;
  lastName: string | null;
  studentNumber: string | null;
  dateOfBirth: string | null;
  gender: string | null;
  "$jsonNulls"?: string[];
  [column: string]: unknown;
}

/** The first chunk of an export. Also the first line of wc_export_health_history_ndjson. */
export interface ExportStudentChunk {
  type: "student";
  chunk: number;
  studentId: string | number;
  format: 1;
  exportDate: string;
  student: ExportedStudent;
}

/** A health record in an export. Other columns of the table are under their own names. $jsonNulls lists the columns that hold JSON's null. */
export interface ExportedRecord {
  id: string | number;
  type: string | null;
  date: string | null;
  description: string | null;
  vital: unknown;
  provider: string | null;
  notes: string | null;
  attachments: unknown[] | null;
  createdAt: string | null;
  updatedAt: string | null;
  "$jsonNulls"?: string[];
  [column: string]: unknown;
}

/** A chunk of records. Of wc_export_health_history. */
export interface ExportRecordsChunk {
  type: "records";
  chunk: number;
  studentId: string | number;
  records: ExportedRecord[];
}

/** A chronic condition in an export. Other columns of the table are under their own names. $jsonNulls lists the columns that hold JSON's null. */
export interface ExportedCondition {
  id: string | number;
  condition: string | null;
  diagnosedDate: string | null;
  status: string | null;
  severity: string | null;
  notes: string | null;
  carePlan: string | null;
  medications: unknown[] | null;
  restrictions: unknown[] | null;
  triggers: unknown[] | null;
  diagnosedBy: string | null;
  lastReviewDate: string | null;
  nextReviewDate: string | null;
  createdAt: string | null;
  updatedAt: string | null;
  "$jsonNulls"?: string[];
  [column: string]: unknown;
}

/** A chunk of conditions. Of wc_export_health_history. */
export interface ExportConditionsChunk {
  type: "conditions";
  chunk: number;
  studentId: string | number;
  conditions: ExportedCondition[];
}

/** The last chunk of an export. How many rows came before it. Also the last line of wc_export_health_history_ndjson. */
export interface ExportEndChunk {
  type: "end";
  chunk: number;
  studentId: string | number;
  records: number;
  allergies: number;
  conditions: number;
}

/** wc_export_health_history. One row, in this order. */
export type ExportChunk = ExportStudentChunk | ExportRecordsChunk | ExportAllergiesChunk | ExportConditionsChunk | ExportEndChunk;

/** A line with one row of conditions. Of wc_export_health_history_ndjson. */
export interface ExportConditionLine {
  type: "condition";
  chunk: number;
  studentId: string | number;
  condition: ExportedCondition;
}

/** A line with one row of records. Of wc_export_health_history_ndjson. */
export interface ExportRecordLine {
  type: "record";
  chunk: number;
  studentId: string | number;
  record: ExportedRecord;
}

/** wc_export_health_history_ndjson. One line, in this order. */
export type ExportLine = ExportStudentChunk | ExportRecordLine | ExportAllergyLine | ExportConditionLine | ExportEndChunk;

/** Where a query was found. HTML with <mark>; null where the text has no match. */
export interface Highlight {
  description: string | null;
  notes: string | null;
  provider: string | null;
}

/** A record that a search found. student is null where no row of students has the id; highlight is there if it was asked for. */
export interface FoundRecord {
  id: string | number;
  type: string | null;
  date: string | null;
  description: string | null;
  vital: unknown;
  provider: string | null;
  notes: string | null;
  attachments: unknown[] | null;
  createdAt: string | null;
  updatedAt: string | null;
  student: RecordStudent | null;
  highlight?: Highlight;
}

/** What an import did with the rows of a section. Each row is in one of them. */
export interface ImportCounts {
  inserted: number;
  updated: number;
  skipped: number;
}

/** wc_import_health_history. What became of the rows, by section. */
export interface ImportResult {
  studentId: string | number;
  student: ImportCounts;
  records: ImportCounts;
  allergies: ImportCounts;
  conditions: ImportCounts;
}

/** other_names of wc_attach. The column of each attribute whose column has another name. */
export type OtherNames = Record<string, string>;

/** A row of wc_growth_prevalence. As to_json prints it. */
export interface PrevalenceRow {
  student_grade: string | null;
  sex: string | null;
  category: string;
  students: number;
  percent: number | null;
  counted_at: string;
  counted_within: string | null;
}

/** wc_recent_vitals. An empty list for an unknown student. */
export type RecentVitals = Vital[];

/** wc_student_records_after. nextCursor is null behind the last record. */
export interface RecordSlice {
  records: HealthRecord[];
  nextCursor: string | null;
}

/** Where a page is among those of a search. totalIsLowerBound: the search stopped counting. rankedLatest: only so many of the latest were ranked. */
export interface SearchPagination {
  page: number;
  limit: number;
  total: number;
  pages: number;
  totalIsLowerBound?: true;
  rankedLatest?: number;
}

/** wc_search_health_records. An empty page where nothing was found. */
export interface SearchPage {
  records: FoundRecord[];
  pagination: SearchPagination;
}

export interface SlowCallsItem {
  endedAt: string;
  function: string;
  ms: number;
  sqlstate: string | null;
  traceId: string | null;
}

/** GET /api/admin/slow. The last slow calls, the latest first, without arguments. Null: not known. */
export interface Slow {
  calls: SlowCallsItem[] | null;
}

/** wc_statistics and wc_statistics_exact. NULL for no values. */
export interface Statistics {
  count: number;
  sum: number;
  average: number;
  min: number;
  max: number;
  median: number;
  stdDev: number;
}

/** wc_vaccinations. An empty list for an unknown student. */
export type Vaccinations = Vaccination[];

/** wc_vital_trend and wc_trend. NULL for no values at all. slopePer30Days and rSquared are null where all values are of one moment. */
export interface VitalTrend {
  trend: "stable" | "increasing" | "decreasing";
  changeRate: number | null;
  average: number;
  min: number;
  max: number;
  points: number;
  slopePer30Days: number | null;
  rSquared: number | null;
}
