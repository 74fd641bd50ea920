# A migration of Rails, behind those that make the tables: the extension, its triggers and indexes, and functions on rows.
class AttachWhiteCross < ActiveRecord::Migration[6.1]
  def up
    enable_extension "white_cross"
    execute "SELECT wc_attach('public')"
    connection.select_values("SELECT wc_index_statements('public', false)").each { |statement| execute statement }
    connection.select_values("SELECT wc_row_functions('public')").each { |statement| execute statement }
  end

  def down
    execute "DROP EXTENSION white_cross CASCADE" # the functions on rows and their view go with it
  end
end
