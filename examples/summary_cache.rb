# Students' health summaries for Active Record: from Redis, and from PostgreSQL what Redis has not.  It is what docs/cache.md asks of a
# client of one's own, for the gem redis 4.8 or later.  In a Rails application: app/models/summary_cache.rb.
class SummaryCache
  LOOK_AGAIN = 0.02 # seconds
  REST = 1.0 # seconds without Redis, after it did not answer in time
  ENTRY = "SELECT key, value::text, ttl_seconds, snapshot FROM wc_cache_entries(ARRAY[$1])"

  # redis: Redis.new with a short timeout.  patience: how long to wait for somebody else who is loading, in seconds; longer than loading
  # takes.  Any number of threads may read.
  def initialize(redis, patience: 1.0)
    @redis = redis
    @patience = patience
    @rests_until = 0.0
  end

  # The JSON of a student as text, or nil for an unknown one.  token: of wc_write_token, to see that write.
  # REQUIRES: no transaction that has written something is open.
  def read(student, token: nil)
    key = "student:#{student}:health_summary"
    give_up = now + @patience
    loop do
      text = call("wc_get", key, token.to_s)
      return text if text
      mine = call("wc_lease", key, (@patience * 1000).to_i, token.to_s) == 1
      return load_and_store(student, key) if mine || now > give_up
      sleep LOOK_AGAIN
    end
  rescue Redis::BaseError => error # an error of Redis is none of the reader
    warn "Redis failed, and a value comes from the database: #{error.message}"
    entry(student)&.fetch("value")
  end

  private

  def now
    Process.clock_gettime(Process::CLOCK_MONOTONIC)
  end

  def call(function, key, *words)
    raise Redis::TimeoutError, "it did not answer a moment ago" if now < @rests_until

    begin
      @redis.call("FCALL", function, 1, key, *words)
    rescue Redis::BaseConnectionError
      @rests_until = now + REST
      raise
    end
  end

  # uncached: the query cache of a request would give the value from before somebody else's write.
  def entry(student)
    ActiveRecord::Base.uncached { ActiveRecord::Base.connection.select_one(ENTRY, "Cache entry", [student.to_s]) }
  end

  # Value and snapshot are of one call.  The key is that of the student's own row: the id may have been spelled in another way.
  def load_and_store(student, key)
    found = entry(student)
    store(*found.values_at("key", "value", "ttl_seconds", "snapshot")) if found
    found&.fetch("value")
  ensure
    # Of what is not stored, nobody shall wait for the lease: Redis refuses this, and takes the lease back.
    store(key, "null", 1, nil) unless found && found["key"] == key
  end

  # The value is right without it.
  def store(key, value, ttl_seconds, snapshot)
    call("wc_fill", key, value, ttl_seconds, snapshot.to_s)
  rescue Redis::BaseError => error
    warn "Redis did not store a value: #{error.message}"
  end
end
