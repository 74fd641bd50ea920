# Rails: summaries as an attribute of a model, and from the cache.  With Active Record 6.1 or later, in a copy of this folder:
#
#   gem install activerecord pg redis
#   psql -d school -f school.sql
#   DATABASE_URL=postgresql://localhost/school REDIS_URL=redis://localhost ruby rails_school.rb
require "active_record"
require "json"
require "redis"
require "securerandom"
require_relative "summary_cache"

# An application has these two lines from Rails, and config/database.yml.
Encoding.default_external = Encoding::UTF_8
ActiveRecord::Base.establish_connection(ENV.fetch("DATABASE_URL"))

# app/models/student.rb
class Student < ActiveRecord::Base
  has_many :health_records, foreign_key: "studentId"

  # One statement for the students of any condition.  Active Record parses json.
  scope :with_summary, -> { select(:id, "wc_health_summary(students.id) AS health_summary") }
end

# app/models/health_record.rb
class HealthRecord < ActiveRecord::Base
  self.inheritance_column = nil # the column "type" names no class
  belongs_to :student, foreign_key: "studentId"
end

def show(what, summary)
  counts = summary["recordCounts"].map { |type, count| "#{count} #{type}" }.join(", ")
  puts "#{what}: #{summary["student"]["firstName"]} #{summary["student"]["lastName"]}, #{counts.empty? ? "no records" : counts}"
end

cache = SummaryCache.new(Redis.new(url: ENV.fetch("REDIS_URL"), timeout: 0.5))

# Read, from the cache: text, which `render json:` takes as it is.
show "read", JSON.parse(cache.read("ada"))

# List, from the database.
Student.with_summary.order(:id).each { |student| show "list", student.health_summary }

# Write, and read one's own write: the token makes the cache refuse what it has from before.  uncached: each transaction has its own
# token, whatever the query cache of a request remembers.
token = HealthRecord.transaction do
  HealthRecord.create!(id: SecureRandom.uuid, studentId: "bob", type: "DENTAL", date: Time.now, description: "Check")
  HealthRecord.uncached { HealthRecord.connection.select_value("SELECT wc_write_token()") }
end
show "own write", JSON.parse(cache.read("bob", token: token))
