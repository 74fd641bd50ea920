# An initializer of Rails 7.1 or later, which writes into schema.rb that each schema is created: this one the extension makes itself, and
# refuses one that is there.  In an application: config/initializers/white_cross.rb.
ActiveSupport.on_load(:active_record_postgresqladapter) do
  prepend(Module.new do
    def schema_names
      super - ["white_cross"]
    end
  end)
end
